import type { Command } from 'commander';
import type { OrphanDiscard, PipelineReport } from '../../schemas/admin-api/pipelines.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import { adminClient, path } from './client.ts';
import { type AdminFlags, adminCommand, examples, type Shell } from './flags.ts';
import { confirmed } from './held-events.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { table } from './table.ts';
import { byReason, counted, durationText, timeText, troubleOf } from './words.ts';

export function addPipelines(program: Command, { terminal, end }: Shell): void {
  const group = program
    .command('pipelines')
    .description('list pipelines; suspend and resume them; adopt or discard what orphans owe')
    .addHelpText('after', examples(LIST, SUSPEND));
  adminCommand(group.command('list', { isDefault: true }), terminal, LIST, 'headless-events pipelines list --json')
    .description('list every pipeline with its state and its counts')
    .action(async (flags: AdminFlags) => end(await list(flags, terminal)));
  adminCommand(group.command('suspend'), terminal, SUSPEND)
    .description('stop a pipeline where it is, until resumed; its events wait on the log')
    .argument('<shop>', "the shop's domain")
    .argument('<pipeline>', 'id of the pipeline')
    .option('--reason <text>', 'why, for the next person who looks', 'suspended from the command line')
    .action(async (shop: string, pipeline: string, { reason, ...flags }: AdminFlags & { reason: string }) => {
      await adminClient(flags, terminal).post(path`/admin/pipelines/${shop}/${pipeline}/suspend`, { reason });
      show(terminal, flags.json, { ok: true }, [`${pipeline} of ${shop} is suspended: ${reason}`]);
      end(EXIT.ok);
    });
  adminCommand(group.command('resume'), terminal, 'headless-events pipelines resume demo.myshopify.com archive')
    .description('continue a suspended pipeline from where it stopped')
    .argument('<shop>', "the shop's domain")
    .argument('<pipeline>', 'id of the pipeline')
    .action(async (shop: string, pipeline: string, flags: AdminFlags) => {
      await adminClient(flags, terminal).post(path`/admin/pipelines/${shop}/${pipeline}/resume`);
      show(terminal, flags.json, { ok: true }, [`${pipeline} of ${shop} continues from where it stopped.`]);
      end(EXIT.ok);
    });
  adminCommand(group.command('adopt'), terminal, ADOPT)
    .description('have another pipeline of the shop deliver what an orphaned one owes, by a replay')
    .argument('<shop>', "the shop's domain")
    .argument('<pipeline>', 'id of the orphaned pipeline')
    .requiredOption('--as <pipeline>', 'id of the pipeline that delivers its events')
    .action(async (shop: string, pipeline: string, flags: AdminFlags & { as: string }) =>
      end(await adopt(shop, pipeline, flags, terminal)),
    );
  adminCommand(group.command('discard'), terminal, 'headless-events pipelines discard demo.myshopify.com old')
    .description('discard what an orphaned pipeline owes, for good; receipts show it')
    .argument('<shop>', "the shop's domain")
    .argument('<pipeline>', 'id of the orphaned pipeline')
    .option('--yes', 'do not ask for confirmation')
    .action(async (shop: string, pipeline: string, flags: AdminFlags & { yes?: boolean }) =>
      end(await discard(shop, pipeline, flags, terminal)),
    );
}

const ADOPT = 'headless-events pipelines adopt demo.myshopify.com old --as archive';

async function adopt(
  shop: string,
  pipeline: string,
  { as, ...flags }: AdminFlags & { readonly as: string },
  terminal: Terminal,
): Promise<Exit> {
  const target = path`/admin/pipelines/${shop}/${pipeline}/adopt`;
  const { job } = await adminClient(flags, terminal).post<{ job: ReplayJob }>(target, { as });
  show(terminal, flags.json, { job }, [
    `Replay ${job.id} delivers what ${pipeline} of ${shop} owes to ${as}.`,
    `See its progress: headless-events replay status ${job.id}`,
  ]);
  return EXIT.ok;
}

async function discard(
  shop: string,
  pipeline: string,
  { yes, ...flags }: AdminFlags & { readonly yes?: boolean },
  terminal: Terminal,
): Promise<Exit> {
  const client = adminClient(flags, terminal);
  const { pipelines } = await client.get<{ pipelines: PipelineReport[] }>('/admin/pipelines');
  const orphan = pipelines.find((one) => one.shop === shop && one.pipeline === pipeline);
  const owed = orphan
    ? `${counted(orphan.pending, 'event')} and ${counted(orphan.dead, 'dead letter')}`
    : 'what is owed';
  if (yes !== true && !(await confirmed(`Discard ${owed} of ${pipeline} of ${shop} for good?`, terminal))) {
    terminal.err('Nothing was discarded.');
    return EXIT.failed;
  }
  const target = path`/admin/pipelines/${shop}/${pipeline}/discard`;
  const answer = await client.post<OrphanDiscard>(target, { confirm: true });
  show(terminal, flags.json, answer, [
    `${counted(answer.pending, 'event')} and ${counted(answer.dead, 'dead letter')} of ${pipeline} of ${shop} discarded.`,
  ]);
  return EXIT.ok;
}

const LIST = 'headless-events pipelines';
const SUSPEND = 'headless-events pipelines suspend demo.myshopify.com archive --reason "disk is being replaced"';

async function list(flags: AdminFlags, terminal: Terminal): Promise<Exit> {
  const { pipelines } = await adminClient(flags, terminal).get<{ pipelines: PipelineReport[] }>('/admin/pipelines');
  const headings = [
    ...['SHOP', 'PIPELINE', 'TO', 'STATE', 'SINCE', 'LAG', 'PENDING', 'LAST SUCCESS'],
    ...['DELIVERED', 'DEAD', 'FILTERED', 'DROPPED', 'NOTE'],
  ];
  const lines = table(headings, pipelines.map(row), terminal);
  const hints = pipelines.flatMap(adviceFor);
  const text = [...lines, ...(hints.length > 0 ? ['', ...hints] : [])];
  show(terminal, flags.json, { pipelines }, pipelines.length > 0 ? text : ['No shop has a pipeline.']);
  return EXIT.ok;
}

/** What to do about a pipeline that waits for the operator. */
function adviceFor({ state, shop, pipeline }: PipelineReport): string[] {
  const order = (verb: string, flags = ''): string => `headless-events pipelines ${verb} ${shop} ${pipeline}${flags}`;
  if (state === 'suspended') return [`${pipeline} is suspended. When its reason is gone: ${order('resume')}`];
  return state === 'orphaned'
    ? [`${pipeline} is orphaned. Put it back, or: ${order('adopt', ' --as <pipeline>')}, or: ${order('discard')}`]
    : [];
}

const row = (report: PipelineReport) => [
  report.shop,
  report.pipeline,
  report.destination ?? '-',
  report.state,
  report.since && timeText(report.since),
  durationText(report.lag_seconds),
  report.pending,
  report.last_success_at && timeText(report.last_success_at),
  report.delivered,
  report.dead,
  byReason(report.filtered),
  byReason(report.dropped),
  troubleOf(report).join('; '),
];
