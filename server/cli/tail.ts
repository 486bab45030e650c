import { type Command, Option } from 'commander';
import type { TailLine } from '../../schemas/admin-api/tail.ts';
import { adminClient } from './client.ts';
import { type AdminFlags, adminCommand, list, type Shell, withoutUndefined } from './flags.ts';
import { EXIT, type Exit, Failure, jsonText, type Terminal } from './output.ts';
import { dataOf } from './sse.ts';
import { type TailTerminal, tailLine } from './tail-line.ts';

export interface TailFlags extends AdminFlags {
  readonly shop?: string;
  readonly pipeline?: string;
  readonly types?: readonly string[];
  readonly kinds?: readonly string[];
}

export function addTail(program: Command, { terminal, end }: Shell): void {
  adminCommand(
    program.command('tail'),
    terminal,
    'headless-events tail',
    'headless-events tail --shop demo.myshopify.com --types "product_*,search"',
    'headless-events tail --kinds refused,dead --json',
  )
    .description('watch events as they are accepted, refused and delivered, until Ctrl-C')
    .option('--shop <domain>', 'only of this shop')
    .option('--pipeline <id>', 'only deliveries of this pipeline')
    .addOption(new Option('--types <list>', 'only these types of events').argParser(list))
    .addOption(
      new Option('--kinds <list>', 'accepted, duplicate, refused, delivered, dead, retried; default: all').argParser(
        list,
      ),
    )
    .action(async (flags: TailFlags) => end(await tail(flags, terminal)));
}

/** Prints lines until Ctrl-C. Throws a Failure if the gateway ends the stream. */
export async function tail(
  { shop, pipeline, types, kinds, ...flags }: TailFlags,
  terminal: TailTerminal & Pick<Terminal, 'out' | 'interrupted'>,
): Promise<Exit> {
  const left = terminal.interrupted();
  const query = withoutUndefined({ shop, pipeline, types, kinds });
  try {
    const body = await adminClient(flags, terminal).stream('/admin/tail', query, left);
    for await (const data of dataOf(body)) {
      const line = JSON.parse(data) as TailLine;
      terminal.out(flags.json ? jsonText(line) : tailLine(line, terminal));
    }
  } catch (error) {
    if (left.aborted) return EXIT.ok;
    if (error instanceof Failure) throw error;
    throw new Failure('The connection to the gateway broke.', EXIT.failed, { cause: error });
  }
  if (left.aborted) return EXIT.ok;
  throw new Failure('The gateway ended the stream: it is stopping, or could not go on.');
}
