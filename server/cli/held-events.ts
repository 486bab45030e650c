import { type Command, Option } from 'commander';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import { type AdminClient, adminClient } from './client.ts';
import { writeExport } from './export.ts';
import { type AdminFlags, adminCommand, type Shell, timeOption, withoutUndefined } from './flags.ts';
import { followToEnd } from './jobs.ts';
import { EXIT, type Exit, Failure, show, type Terminal } from './output.ts';
import { type Cell, table } from './table.ts';
import { counted } from './words.ts';

/** A kind of event that the gateway keeps until an operator decides. Dead letters and quarantined events have the same commands. */
export interface HeldKind<Item, Whole = Item> {
  /** Name of the command and of the path under /admin. */
  readonly name: 'dead' | 'quarantine';
  /** Name of one, for messages. */
  readonly thing: string;
  /** The selecting flags, by their names in the API. */
  readonly selectors: Readonly<Record<string, readonly [flag: string, description: string]>>;
  readonly headings: readonly string[];
  readonly row: (item: Item) => readonly Cell[];
  /** All details of one, as lines. */
  readonly details: (item: Whole) => readonly string[];
  /** The argument of `show`. */
  readonly idArgument: { readonly argument: string; readonly description: string };
  /** Finds those with that id. */
  readonly find: (client: AdminClient, id: string, query: { readonly shop?: string }) => Promise<readonly Whole[]>;
  /** The result of a redrive, as a sentence. */
  readonly redriveText: (answer: Readonly<Record<string, number>>) => string;
}

interface ListFlags extends AdminFlags {
  readonly limit: string;
  readonly after?: string;
}

interface OrderFlags extends AdminFlags {
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** Adds `list`, `show`, `redrive`, `discard` and `export`. */
export function addHeldCommands<Item, Whole>(
  group: Command,
  held: HeldKind<Item, Whole>,
  { terminal, end }: Shell,
): void {
  const { name, thing, idArgument } = held;
  const call = `headless-events ${name}`;
  const admin = (command: Command, ...lines: string[]) => adminCommand(command, terminal, ...lines);
  const selecting = (command: Command) => selectors(held, command, terminal);

  selecting(
    admin(group.command('list', { isDefault: true }), call, `${call} list --shop demo.myshopify.com --limit 20`),
  )
    .description(`list ${thing}s, the oldest first`)
    .option('--limit <count>', 'at most this many', '100')
    .option('--after <mark>', 'continue after a page, from the mark at its end')
    .action(async (flags: ListFlags) => end(await list(held, flags, terminal)));
  admin(
    group.command('show'),
    `${call} show ${idArgument.argument === 'id' ? 'mbcd3k2q-9f3c2a1b04' : '018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a'}`,
  )
    .description('show everything about one; exits with 1 if there is none')
    .argument(`<${idArgument.argument}>`, idArgument.description)
    .option('--shop <domain>', 'only in this shop')
    .action(async (id: string, flags: AdminFlags & { shop?: string }) => end(await one(held, id, flags, terminal)));
  selecting(admin(group.command('redrive'), `${call} redrive --shop demo.myshopify.com`, `${call} redrive --all`))
    .description(`try ${thing}s again`)
    .option('--all', `all ${thing}s`)
    .action(async (flags: OrderFlags) => end(await redrive(held, flags, terminal)));
  selecting(admin(group.command('discard'), `${call} discard --to 30d`, `${call} discard --all --yes`))
    .description(`discard ${thing}s for good`)
    .option('--all', `all ${thing}s`)
    .option('--yes', 'do not ask for confirmation')
    .action(async (flags: OrderFlags) => end(await discard(held, flags, terminal)));
  selecting(admin(group.command('export'), `${call} export > ${name}.ndjson`, `${call} export --out ${name}.ndjson`))
    .description(`write the selected ${thing}s as NDJSON (one JSON document per line)`)
    .addOption(
      new Option('--out <file>', 'write to this file instead of standard output; an existing one is overwritten'),
    )
    .action(async (flags: AdminFlags & { out?: string }) => end(await exportAll(held, flags, terminal)));
}

function selectors(held: Pick<HeldKind<never>, 'selectors'>, command: Command, terminal: Terminal): Command {
  for (const [flag, description] of Object.values(held.selectors))
    command.addOption(
      flag.endsWith('<time>') ? timeOption(flag, description, terminal) : new Option(flag, description),
    );
  return command;
}

type Selection = Readonly<Record<string, string>>;

/** The selection that the flags make, by the names in the API. `--event <id>` sets `event_id`. */
function selectionOf({ selectors }: Pick<HeldKind<never>, 'selectors'>, flags: object): Selection {
  const values = new Map<string, unknown>(Object.entries(flags));
  const chosen = Object.entries(selectors).map(([name, [flag]]) => [name, values.get(flagName(flag))] as const);
  return Object.fromEntries(chosen.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

const flagName = (flag: string): string => /^--(\w+)/.exec(flag)?.[1] ?? '';

async function list<Item, Whole>(held: HeldKind<Item, Whole>, flags: ListFlags, terminal: Terminal): Promise<Exit> {
  const { limit, after } = flags;
  const query = { ...selectionOf(held, flags), limit, ...withoutUndefined({ after }) };
  const page = await adminClient(flags, terminal).get<PageOf<Item>>(`/admin/${held.name}`, query);
  const lines = table(held.headings, page.items.map(held.row), terminal);
  const more = page.next === undefined ? [] : ['', `There are more; add --after ${page.next}`];
  show(terminal, flags.json, page, page.items.length > 0 ? [...lines, ...more] : [`No ${held.thing}s.`]);
  return EXIT.ok;
}

async function one<Item, Whole>(
  held: HeldKind<Item, Whole>,
  id: string,
  { shop, ...flags }: AdminFlags & { readonly shop?: string },
  terminal: Terminal,
): Promise<Exit> {
  const items = await held.find(adminClient(flags, terminal), id, withoutUndefined({ shop }));
  const details = items.flatMap((item, index) => [...(index > 0 ? [''] : []), ...held.details(item)]);
  show(terminal, flags.json, { items }, items.length > 0 ? details : [`No ${held.thing} ${id}.`]);
  return items.length > 0 ? EXIT.ok : EXIT.failed;
}

async function redrive<Item, Whole>(held: HeldKind<Item, Whole>, flags: OrderFlags, terminal: Terminal): Promise<Exit> {
  const order = orderOf(held, flags);
  const client = adminClient(flags, terminal);
  const { job } = await client.post<{ job: JobReport }>(`/admin/${held.name}/redrive`, order);
  return followToEnd(client, job, (counts) => held.redriveText(counts), flags, terminal);
}

async function discard<Item, Whole>(held: HeldKind<Item, Whole>, flags: OrderFlags, terminal: Terminal): Promise<Exit> {
  const order = orderOf(held, flags);
  const client = adminClient(flags, terminal);
  if (flags.yes !== true && !(await confirmed(`Discard ${selectionText(held, order)} for good?`, terminal))) {
    terminal.err('Nothing was discarded.');
    return EXIT.failed;
  }
  const { job } = await client.post<{ job: JobReport }>(`/admin/${held.name}/discard`, order);
  return followToEnd(
    client,
    job,
    ({ discarded = 0 }) => `${counted(discarded, held.thing)} discarded.`,
    flags,
    terminal,
  );
}

function orderOf(
  held: Pick<HeldKind<never>, 'selectors' | 'thing'>,
  flags: OrderFlags,
): Selection | { readonly all: true } {
  const selection = selectionOf(held, flags);
  if (Object.keys(selection).length > 0) return selection;
  if (flags.all) return { all: true };
  const names = Object.values(held.selectors).map(([flag]) => flag.split(' ')[0]);
  throw new Failure(
    `${held.thing}s: must be selected, got no selection; give some of ${names.join(', ')}, or --all`,
    EXIT.usage,
  );
}

function selectionText({ thing }: Pick<HeldKind<never>, 'thing'>, order: object): string {
  if ('all' in order) return `ALL ${thing}s`;
  const facts = Object.entries(order).map(([name, value]) => `${name} ${value}`);
  return `the ${thing}s with ${facts.join(', ')}`;
}

/** Asks the operator to confirm. Without a terminal there is nobody to ask, so --yes is required. */
export async function confirmed(question: string, { confirm }: Terminal): Promise<boolean> {
  if (confirm === undefined)
    throw new Failure('--yes: must be given without a terminal, got nothing; add --yes', EXIT.usage);
  return confirm(question);
}

async function exportAll<Item, Whole>(
  held: HeldKind<Item, Whole>,
  flags: AdminFlags & { readonly out?: string },
  terminal: Terminal,
): Promise<Exit> {
  const what = { path: `/admin/export/${held.name}`, selection: selectionOf(held, flags), thing: held.thing };
  return writeExport(adminClient(flags, terminal), { ...what, out: flags.out }, terminal);
}
