import type { Command } from 'commander';
import type { QuarantinedHeadView, QuarantinedView } from '../../schemas/admin-api/quarantine.ts';
import { path } from './client.ts';
import { examples, type Shell, TIME_HELP } from './flags.ts';
import { addHeldCommands, type HeldKind } from './held-events.ts';
import { number } from './table.ts';
import { timeText } from './words.ts';

export function addQuarantine(program: Command, shell: Shell): void {
  const group = program
    .command('quarantine')
    .description('events refused at ingest, kept with their reasons')
    .addHelpText(
      'after',
      examples(
        'headless-events quarantine',
        'headless-events quarantine list --code invalid',
        'headless-events quarantine redrive --shop demo.myshopify.com',
      ),
    );
  addHeldCommands(group, quarantine, shell);
}

const quarantine: HeldKind<QuarantinedHeadView, QuarantinedView> = {
  name: 'quarantine',
  thing: 'quarantined event',
  selectors: {
    shop: ['--shop <domain>', 'of this shop'],
    id: ['--id <id>', 'with this id in quarantine'],
    event_id: ['--event <id>', 'with this event id'],
    code: ['--code <code>', 'refused with this code'],
    from: ['--from <time>', `came from this time on (${TIME_HELP})`],
    to: ['--to <time>', 'came before this time'],
  },
  headings: ['ID', 'CAME', 'SHOP', 'DIALECT', 'EVENT', 'NAME', 'CODE', 'REASONS'],
  row: ({ id, at, shop, dialect, event_id, name, code, reasons }) => [
    id,
    timeText(at),
    shop,
    dialect,
    event_id,
    name,
    code,
    reasons.join('; '),
  ],
  details: ({ id, at, shop, dialect, index, event_id, name, code, reasons, raw }) => [
    `${name ?? 'An event'} of ${shop}, in quarantine as ${id}`,
    `  It came on ${timeText(at)} through ${dialect}${index === undefined ? '' : `, as number ${index + 1} of its request`}` +
      `${event_id === undefined ? '' : `, with the id ${event_id}`}.`,
    `  Refused (${code}):`,
    ...reasons.map((reason) => `    ${reason}`),
    `  ${raw}`,
  ],
  idArgument: { argument: 'id', description: 'id in quarantine' },
  find: async (client, id, query) => [await client.get<QuarantinedView>(path`/admin/quarantine/${id}`, query)],
  redriveText: ({ accepted = 0, duplicate = 0, refused = 0 }) =>
    `${number(accepted)} accepted, ${number(duplicate)} known already, ${number(refused)} still refused and kept.`,
};
