import { type Command, Option } from 'commander';
import type { PageOf } from '../../schemas/admin-api/common.ts';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import { type AdminClient, adminClient } from './client.ts';
import { writeExport } from './export.ts';
import { type AdminFlags, adminCommand, given, type Shell, timeOption } from './flags.ts';
import { followed } from './jobs.ts';
import { EXIT, type Exit, Failure, show, type Terminal } from './output.ts';
import { type Cell, table } from './table.ts';
import { counted } from './words.ts';

/** Something the gateway keeps until an operator decides: dead letters and quarantined events have the same commands. */
export interface Kept<Item, Whole = Item> {
  /** The command, and its place under /admin. */
  readonly name: 'dead' | 'quarantine';
  /** One of them, in words. */
  readonly thing: string;
  /** The flags that select, by their names in the API. */
  readonly selectors: Readonly<Record<string, readonly [flag: string, description: string]>>;
  readonly headings: readonly string[];
  readonly row: (item: Item) => readonly Cell[];
  /** Everything about one, for people. */
  readonly story: (item: Whole) => readonly string[];
  /** What `show` names one by. */
  readonly idOf: { readonly argument: string; readonly description: string };
  /** Those of that id. */
  readonly find: (client: AdminClient, id: string, query: { readonly shop?: string }) => Promise<readonly Whole[]>;
  /** What a redrive has led to, in words. */
  readonly redriven: (answer: Readonly<Record<string, number>>) => string;
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
export function addKept<Item, Whole>(group: Command, kept: Kept<Item, Whole>, { terminal, end }: Shell): void {
  const { name, thing, idOf } = kept;
  const call = `headless-events ${name}`;
  const admin = (command: Command, ...lines: string[]) => adminCommand(command, terminal, ...lines);
  const selecting = (command: Command) => selectors(kept, command, terminal);

  selecting(
    admin(group.command('list', { isDefault: true }), call, `${call} list --shop demo.myshopify.com --limit 20`),
  )
    .description(`${thing}s, from the oldest`)
    .option('--limit <count>', 'most lines', '100')
    .option('--after <mark>', 'go on where a page ended')
    .action(async (flags: ListFlags) => end(await list(kept, flags, terminal)));
  admin(
    group.command('show'),
    `${call} show ${idOf.argument === 'id' ? 'mbcd3k2q-9f3c2a1b04' : '018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a'}`,
  )
    .description(`everything about one; fails (1) where there is none`)
    .argument(`<${idOf.argument}>`, idOf.description)
    .option('--shop <domain>', 'only in this shop')
    .action(async (id: string, flags: AdminFlags & { shop?: string }) => end(await one(kept, id, flags, terminal)));
  selecting(admin(group.command('redrive'), `${call} redrive --shop demo.myshopify.com`, `${call} redrive --all`))
    .description(`try ${thing}s once more`)
    .option('--all', 'every one there is')
    .action(async (flags: OrderFlags) => end(await redrive(kept, flags, terminal)));
  selecting(admin(group.command('discard'), `${call} discard --to 30d`, `${call} discard --all --yes`))
    .description(`let ${thing}s go for good`)
    .option('--all', 'every one there is')
    .option('--yes', 'do not ask')
    .action(async (flags: OrderFlags) => end(await discard(kept, flags, terminal)));
  selecting(admin(group.command('export'), `${call} export > ${name}.ndjson`, `${call} export --out ${name}.ndjson`))
    .description('write all that is selected as NDJSON: one JSON document a line')
    .addOption(new Option('--out <file>', 'a file instead of standard output; one that exists is written anew'))
    .action(async (flags: AdminFlags & { out?: string }) => end(await exportAll(kept, flags, terminal)));
}

function selectors(kept: Pick<Kept<never>, 'selectors'>, command: Command, terminal: Terminal): Command {
  for (const [flag, description] of Object.values(kept.selectors))
    command.addOption(
      flag.endsWith('<time>') ? timeOption(flag, description, terminal) : new Option(flag, description),
    );
  return command;
}

type Selection = Readonly<Record<string, string>>;

/** What the flags select, by the API's names. `--event <id>` fills `event_id`. */
function selectionOf({ selectors }: Pick<Kept<never>, 'selectors'>, flags: object): Selection {
  const values = new Map<string, unknown>(Object.entries(flags));
  const chosen = Object.entries(selectors).map(([name, [flag]]) => [name, values.get(flagName(flag))] as const);
  return Object.fromEntries(chosen.flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])));
}

const flagName = (flag: string): string => /^--(\w+)/.exec(flag)?.[1] ?? '';

async function list<Item, Whole>(kept: Kept<Item, Whole>, flags: ListFlags, terminal: Terminal): Promise<Exit> {
  const { limit, after } = flags;
  const query = { ...selectionOf(kept, flags), limit, ...given({ after }) };
  const page = await adminClient(flags, terminal).get<PageOf<Item>>(`/admin/${kept.name}`, query);
  const lines = table(kept.headings, page.items.map(kept.row), terminal);
  const more = page.next === undefined ? [] : ['', `There are more: --after ${page.next}`];
  show(terminal, flags.json, page, page.items.length > 0 ? [...lines, ...more] : [`No ${kept.thing}s.`]);
  return EXIT.ok;
}

async function one<Item, Whole>(
  kept: Kept<Item, Whole>,
  id: string,
  { shop, ...flags }: AdminFlags & { readonly shop?: string },
  terminal: Terminal,
): Promise<Exit> {
  const items = await kept.find(adminClient(flags, terminal), id, given({ shop }));
  const stories = items.flatMap((item, index) => [...(index > 0 ? [''] : []), ...kept.story(item)]);
  show(terminal, flags.json, { items }, items.length > 0 ? stories : [`No ${kept.thing} ${id}.`]);
  return items.length > 0 ? EXIT.ok : EXIT.failed;
}

async function redrive<Item, Whole>(kept: Kept<Item, Whole>, flags: OrderFlags, terminal: Terminal): Promise<Exit> {
  const order = orderOf(kept, flags);
  const client = adminClient(flags, terminal);
  const { job } = await client.post<{ job: JobReport }>(`/admin/${kept.name}/redrive`, order);
  return followed(client, job, (counts) => kept.redriven(counts), flags, terminal);
}

async function discard<Item, Whole>(kept: Kept<Item, Whole>, flags: OrderFlags, terminal: Terminal): Promise<Exit> {
  const order = orderOf(kept, flags);
  const client = adminClient(flags, terminal);
  if (flags.yes !== true && !(await agreed(`Discard ${wordsOf(kept, order)} for good?`, terminal))) {
    terminal.err('Nothing was discarded.');
    return EXIT.failed;
  }
  const { job } = await client.post<{ job: JobReport }>(`/admin/${kept.name}/discard`, order);
  return followed(client, job, ({ discarded = 0 }) => `${counted(discarded, kept.thing)} discarded.`, flags, terminal);
}

function orderOf(
  kept: Pick<Kept<never>, 'selectors' | 'thing'>,
  flags: OrderFlags,
): Selection | { readonly all: true } {
  const selection = selectionOf(kept, flags);
  if (Object.keys(selection).length > 0) return selection;
  if (flags.all) return { all: true };
  const names = Object.values(kept.selectors).map(([flag]) => flag.split(' ')[0]);
  throw new Failure(
    `${kept.thing}s: must be selected, got no selection; give some of ${names.join(', ')}, or --all`,
    EXIT.usage,
  );
}

function wordsOf({ thing }: Pick<Kept<never>, 'thing'>, order: object): string {
  if ('all' in order) return `ALL ${thing}s`;
  const facts = Object.entries(order).map(([name, value]) => `${name} ${value}`);
  return `the ${thing}s with ${facts.join(', ')}`;
}

/** Whether the operator agrees. Where there is nobody to ask, the call must say so itself. */
export async function agreed(question: string, { confirm }: Terminal): Promise<boolean> {
  if (confirm === undefined)
    throw new Failure('--yes: must be given where no terminal can be asked, got nothing; add --yes', EXIT.usage);
  return confirm(question);
}

async function exportAll<Item, Whole>(
  kept: Kept<Item, Whole>,
  flags: AdminFlags & { readonly out?: string },
  terminal: Terminal,
): Promise<Exit> {
  const what = { path: `/admin/export/${kept.name}`, selection: selectionOf(kept, flags), thing: kept.thing };
  return writeExport(adminClient(flags, terminal), { ...what, out: flags.out }, terminal);
}
