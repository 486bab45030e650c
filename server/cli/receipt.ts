import type { Command } from 'commander';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import { adminClient, path } from './client.ts';
import { type AdminFlags, adminCommand, type Shell, withoutUndefined } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { receiptText } from './receipt-text.ts';

interface ReceiptFlags extends AdminFlags {
  readonly shop?: string;
}

export function addReceipt(program: Command, { terminal, end }: Shell): void {
  adminCommand(
    program.command('receipt'),
    terminal,
    'headless-events receipt 018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a',
    'headless-events receipt 018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a --shop demo.myshopify.com --json',
  )
    .description('show what happened to an event; exits with 1 if it is unknown')
    .argument('<event-id>', 'id of the event')
    .option('--shop <domain>', 'only in this shop')
    .action(async (eventId: string, flags: ReceiptFlags) => end(await receipt(eventId, flags, terminal)));
}

async function receipt(eventId: string, { shop, ...flags }: ReceiptFlags, terminal: Terminal): Promise<Exit> {
  const { receipts } = await adminClient(flags, terminal).get<{ receipts: Receipt[] }>(
    path`/admin/receipts/${eventId}`,
    withoutUndefined({ shop }),
  );
  const unknown = `Nothing is known of event ${eventId}${shop === undefined ? '' : ` in ${shop}`}: it never came, its request was refused before it was read (its token, origin or size), or it is older than what is kept.`;
  const texts = receipts.flatMap((found, index) => [...(index > 0 ? [''] : []), ...receiptText(found)]);
  show(terminal, flags.json, { receipts }, receipts.length > 0 ? texts : [unknown]);
  return receipts.length > 0 ? EXIT.ok : EXIT.failed;
}
