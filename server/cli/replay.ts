import { type Command, Option } from 'commander';
import type { ReplayJob, ReplayOrder, ReplayPlan, ReplayPlanned } from '../../schemas/admin-api/replays.ts';
import { type AdminClient, adminClient, path } from './client.ts';
import { linesOf } from './export.ts';
import {
  type AdminFlags,
  adminCommand,
  examples,
  list,
  type Shell,
  TIME_HELP,
  timeOption,
  withoutUndefined,
} from './flags.ts';
import { confirmed } from './held-events.ts';
import { EXIT, type Exit, Failure, show, type Terminal } from './output.ts';
import { isUnfinished, replayLine, watchReplay } from './progress.ts';
import { table } from './table.ts';
import { byReason, counted, timeText } from './words.ts';

interface StartFlags extends AdminFlags {
  readonly shop: string;
  readonly pipeline: string;
  readonly from?: string;
  readonly to?: string;
  readonly types?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly detach?: boolean;
}

const PLAN = 'headless-events replay --shop demo.myshopify.com --pipeline archive --dry-run';
const START =
  'headless-events replay --shop demo.myshopify.com --pipeline archive --from 2026-06-01 --types "product_*,search"';
const STATUS = 'headless-events replay status r1 --follow';

export function addReplay(program: Command, { terminal, end }: Shell): void {
  const group = program
    .command('replay')
    .description('deliver a stretch of the log again (headless-events replay start --help has the flags)')
    .addHelpText('after', examples(PLAN, START, STATUS));
  adminCommand(group.command('start', { isDefault: true }), terminal, PLAN, START)
    .description('show what a replay would do, ask, and start it')
    .requiredOption('--shop <domain>', "the shop's domain")
    .requiredOption('--pipeline <id>', 'the pipeline to deliver to')
    .addOption(
      timeOption('--from <time>', `received at or after this time (${TIME_HELP}; default: the oldest kept)`, terminal),
    )
    .addOption(timeOption('--to <time>', 'received before this time (default: now)', terminal))
    .addOption(new Option('--types <list>', 'only these types of events').argParser(list))
    .option('--dry-run', 'only show what it would do')
    .option('--yes', 'do not ask for confirmation')
    .option('--detach', 'start it and do not wait for its end')
    .action(async (flags: StartFlags) => end(await start(flags, terminal)));
  adminCommand(group.command('status'), terminal, 'headless-events replay status', STATUS)
    .description('show the progress of replays; exits with 1 if the named one is unknown')
    .argument('[id]', 'id of a replay (default: all of them)')
    .option('--follow', 'watch the named one until it ends')
    .action(async (id: string | undefined, flags: AdminFlags & { follow?: boolean }) =>
      end(await (id === undefined ? all(flags, terminal) : status(id, flags, terminal))),
    );
  adminCommand(group.command('cancel'), terminal, 'headless-events replay cancel r1')
    .description('stop a running replay')
    .argument('<id>', 'id of the replay')
    .action(async (id: string, flags: AdminFlags) => {
      const answer = await adminClient(flags, terminal).post<{ job: ReplayJob }>(path`/admin/replays/${id}/cancel`);
      const cancelled = answer.job.state === 'cancelled';
      const line = cancelled ? `Replay ${id} is cancelled.` : `Replay ${id} was ${answer.job.state} already.`;
      show(terminal, flags.json, answer, [line]);
      end(cancelled ? EXIT.ok : EXIT.failed);
    });
}

async function start(flags: StartFlags, terminal: Terminal): Promise<Exit> {
  const { shop, pipeline, from, to, types, json } = flags;
  const order = { shop, pipeline, ...withoutUndefined({ from, to, types }) };
  const client = adminClient(flags, terminal);
  const plan = await planned(client, order, terminal);
  if (!json) show(terminal, false, plan, planLines(plan));
  if (flags.dryRun || plan.wanted === 0) {
    if (json) show(terminal, true, { plan }, []);
    return EXIT.ok;
  }
  if (!flags.yes && !(await confirmed(`Send ${counted(plan.wanted, 'event')}?`, terminal))) {
    terminal.err('Nothing was sent.');
    return EXIT.failed;
  }
  const { job } = await client.post<{ job: ReplayJob }>('/admin/replays', order);
  if (!json) terminal.out(`Replay ${job.id} has started.`);
  return flags.detach ? started(plan, job, json, terminal) : watch(client, job, { json, plan }, terminal);
}

/** Asks the gateway for the plan, however long it takes, and shows the progress. Ctrl-C ends the planning. */
async function planned(client: AdminClient, { types, ...order }: ReplayOrder, terminal: Terminal): Promise<ReplayPlan> {
  const query = { ...order, ...(types && { types: types.join() }) };
  let last: ReplayPlanned | undefined;
  try {
    for await (const line of linesOf(
      await client.stream('/admin/replays/plan', query, terminal.interrupted()),
      'plan',
    )) {
      last = JSON.parse(line) as ReplayPlanned;
      const { from, to } = last.plan;
      if (terminal.isTty)
        terminal.progress(`planning: ${last.position - from + 1} of ${counted(to - from + 1, 'event')}`);
    }
  } finally {
    if (terminal.isTty) terminal.progress('');
  }
  if (last === undefined || last.position < last.plan.to)
    throw new Failure('The gateway ended its answer too early: the plan is not complete. Nothing was sent.');
  return last.plan;
}

function started(plan: ReplayPlan, job: ReplayJob, json: boolean | undefined, terminal: Terminal): Exit {
  if (json) show(terminal, true, { plan, job }, []);
  else terminal.out(`See its progress: headless-events replay status ${job.id}`);
  return EXIT.ok;
}

function planLines(plan: ReplayPlan): string[] {
  const { shop, pipeline, from, to, events, wanted, again, by_type, filtered } = plan;
  if (wanted === 0) return [`Nothing to send: none of ${counted(events, 'event')} is wanted (${byReason(filtered)}).`];
  return [
    `Replay to ${pipeline} of ${shop}: ${counted(events, 'event')}, positions ${from} to ${to}`,
    `  to send      ${counted(wanted, 'event')}: ${byReason(by_type)}`,
    `  not wanted   ${byReason(filtered)}`,
    ...(again > 0
      ? [
          `  again        ${counted(again, 'event')} delivered before: the destination gets ${again === 1 ? 'it' : 'them'} twice`,
        ]
      : []),
  ];
}

async function all(flags: AdminFlags, terminal: Terminal): Promise<Exit> {
  const { replays } = await adminClient(flags, terminal).get<{ replays: ReplayJob[] }>('/admin/replays');
  const headings = ['ID', 'SHOP', 'PIPELINE', 'STATE', 'STARTED', 'POSITION', 'TO', 'DELIVERED', 'DEAD', 'FILTERED'];
  const rows = replays.map((job) => [
    job.id,
    job.shop,
    job.pipeline,
    job.state,
    timeText(job.started_at),
    job.position,
    job.to,
    job.delivered,
    job.dead,
    job.filtered,
  ]);
  show(terminal, flags.json, { replays }, rows.length > 0 ? table(headings, rows, terminal) : ['No replays.']);
  return EXIT.ok;
}

async function status(
  id: string,
  flags: AdminFlags & { readonly follow?: boolean },
  terminal: Terminal,
): Promise<Exit> {
  const client = adminClient(flags, terminal);
  const { replays } = await client.get<{ replays: ReplayJob[] }>('/admin/replays');
  const job = replays.find((replay) => replay.id === id);
  if (job === undefined) throw new Failure(`There is no replay ${id}; headless-events replay status lists them.`);
  if (flags.follow) return watch(client, job, flags, terminal);
  show(terminal, flags.json, { job }, [replayLine(job)]);
  return EXIT.ok;
}

/** Follows a replay until it ends or the operator leaves, and shows the result. The replay runs on without being watched. */
async function watch(
  client: AdminClient,
  job: ReplayJob,
  { json, plan }: { readonly json?: boolean | undefined; readonly plan?: ReplayPlan },
  terminal: Terminal,
): Promise<Exit> {
  const last = await watchReplay(client, job, terminal);
  const hint = {
    running: `It is still running: headless-events replay status ${job.id} --follow`,
    suspended: `Resume it with: headless-events pipelines resume ${job.shop} ${job.pipeline}-${job.id}`,
    failing: `It is tried again and again: headless-events replay status ${job.id} --follow`,
    blocked: 'It continues when its pipeline is configured again; headless-events replay cancel ends it.',
    cancelled: '',
    done: last.dead > 0 ? 'headless-events dead shows why some are dead letters.' : '',
  }[last.state];
  show(terminal, json, { ...(plan && { plan }), job: last }, [replayLine(last), ...(hint === '' ? [] : [hint])]);
  return last.state === 'done' || isUnfinished(last) ? EXIT.ok : EXIT.failed;
}
