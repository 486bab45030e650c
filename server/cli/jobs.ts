import type { Command } from 'commander';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import { type AdminClient, adminClient, path } from './client.ts';
import { type AdminFlags, adminCommand, examples, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { followOrder, orderCounts } from './progress.ts';
import { table } from './table.ts';
import { when } from './words.ts';

const STATUS = 'headless-events jobs status j1 --follow';
const CANCEL = 'headless-events jobs cancel j1';

export function addJobs(program: Command, { terminal, end }: Shell): void {
  const group = program
    .command('jobs')
    .description('redrives and discards that take a while')
    .addHelpText('after', examples('headless-events jobs', STATUS, CANCEL));
  adminCommand(group.command('list', { isDefault: true }), terminal, 'headless-events jobs')
    .description('those that run, and the last hundred that are over')
    .action(async (flags: AdminFlags) => end(await list(flags, terminal)));
  adminCommand(group.command('status'), terminal, STATUS)
    .description('how far one has come; fails (1) where it did not do everything')
    .argument('<id>', 'id of the job')
    .option('--follow', 'watch it until it ends')
    .action(async (id: string, flags: AdminFlags & { follow?: boolean }) => end(await status(id, flags, terminal)));
  adminCommand(group.command('cancel'), terminal, CANCEL)
    .description('end a running one where it is; what it has done stays done')
    .argument('<id>', 'id of the job')
    .action(async (id: string, flags: AdminFlags) => {
      await adminClient(flags, terminal).post(path`/admin/jobs/${id}/cancel`);
      show(terminal, flags.json, { ok: true }, [`Job ${id} ends.`]);
      end(EXIT.ok);
    });
}

/** Stays with an order until it is done, or the operator leaves: it does not need anybody to watch. */
export async function followed(
  client: AdminClient,
  job: JobReport,
  words: (counts: JobReport['counts']) => string,
  { json }: AdminFlags,
  terminal: Terminal,
): Promise<Exit> {
  const last = await followOrder(client, job, terminal);
  const how = last.state === 'done' ? [] : [stateOf(last)];
  show(terminal, json, { ...last.counts, job: last }, [words(last.counts), ...how]);
  return exitOf(last);
}

async function list(flags: AdminFlags, terminal: Terminal): Promise<Exit> {
  const { jobs } = await adminClient(flags, terminal).get<{ jobs: JobReport[] }>('/admin/jobs');
  const headings = ['ID', 'WHAT', 'SHOP', 'STATE', 'STARTED', 'LOOKED AT', 'DONE'];
  const rows = jobs.map((job) => [
    job.id,
    `${job.of} ${job.kind}`,
    job.shop ?? 'all',
    job.state,
    when(job.started_at),
    job.looked,
    orderCounts(job),
  ]);
  show(terminal, flags.json, { jobs }, rows.length > 0 ? table(headings, rows, terminal) : ['No jobs.']);
  return EXIT.ok;
}

async function status(id: string, flags: AdminFlags & { follow?: boolean }, terminal: Terminal): Promise<Exit> {
  const client = adminClient(flags, terminal);
  const job = await client.get<JobReport>(path`/admin/jobs/${id}`);
  const last = flags.follow ? await followOrder(client, job, terminal) : job;
  show(terminal, flags.json, { job: last }, [stateOf(last)]);
  return exitOf(last);
}

function stateOf(job: JobReport): string {
  const { id, of, kind, state, reason } = job;
  const hint = {
    running: `It goes on: headless-events jobs status ${id} --follow`,
    interrupted: 'Its process has ended. The same order again does the rest.',
    failed: `It failed: ${reason ?? 'no reason given'}. The same order again does the rest.`,
    cancelled: 'What it has done stays done.',
    done: '',
  }[state];
  return `Job ${id} (${of} ${kind}) is ${state}: ${orderCounts(job)}.${hint === '' ? '' : `\n${hint}`}`;
}

const exitOf = ({ state }: JobReport): Exit => (state === 'done' || state === 'running' ? EXIT.ok : EXIT.failed);
