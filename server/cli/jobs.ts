import type { Command } from 'commander';
import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import { type AdminClient, adminClient, path } from './client.ts';
import { type AdminFlags, adminCommand, examples, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';
import { orderCounts, watchJob } from './progress.ts';
import { table } from './table.ts';
import { timeText } from './words.ts';

const STATUS = 'headless-events jobs status j1 --follow';
const CANCEL = 'headless-events jobs cancel j1';

export function addJobs(program: Command, { terminal, end }: Shell): void {
  const group = program
    .command('jobs')
    .description('redrives and discards that take a while: list, follow and cancel them')
    .addHelpText('after', examples('headless-events jobs', STATUS, CANCEL));
  adminCommand(group.command('list', { isDefault: true }), terminal, 'headless-events jobs')
    .description('list running jobs and the last hundred finished ones')
    .action(async (flags: AdminFlags) => end(await list(flags, terminal)));
  adminCommand(group.command('status'), terminal, STATUS)
    .description('show the progress of a job; exits with 1 if it ended before it was done')
    .argument('<id>', 'id of the job')
    .option('--follow', 'watch it until it ends')
    .action(async (id: string, flags: AdminFlags & { follow?: boolean }) => end(await status(id, flags, terminal)));
  adminCommand(group.command('cancel'), terminal, CANCEL)
    .description('stop a running job; what it has done stays done')
    .argument('<id>', 'id of the job')
    .action(async (id: string, flags: AdminFlags) => {
      await adminClient(flags, terminal).post(path`/admin/jobs/${id}/cancel`);
      show(terminal, flags.json, { ok: true }, [`Job ${id} is being stopped.`]);
      end(EXIT.ok);
    });
}

/** Follows a job until it ends or the operator leaves, and shows the result. The job runs on without being watched. */
export async function followToEnd(
  client: AdminClient,
  job: JobReport,
  words: (counts: JobReport['counts']) => string,
  { json }: AdminFlags,
  terminal: Terminal,
): Promise<Exit> {
  const last = await watchJob(client, job, terminal);
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
    timeText(job.started_at),
    job.looked,
    orderCounts(job),
  ]);
  show(terminal, flags.json, { jobs }, rows.length > 0 ? table(headings, rows, terminal) : ['No jobs.']);
  return EXIT.ok;
}

async function status(id: string, flags: AdminFlags & { follow?: boolean }, terminal: Terminal): Promise<Exit> {
  const client = adminClient(flags, terminal);
  const job = await client.get<JobReport>(path`/admin/jobs/${id}`);
  const last = flags.follow ? await watchJob(client, job, terminal) : job;
  show(terminal, flags.json, { job: last }, [stateOf(last)]);
  return exitOf(last);
}

function stateOf(job: JobReport): string {
  const { id, of, kind, state, reason } = job;
  const hint = {
    running: `It is still running: headless-events jobs status ${id} --follow`,
    interrupted: `Its process has ended. Repeat the ${kind} for the rest.`,
    failed: `It failed: ${reason ?? 'no reason given'}. Repeat the ${kind} for the rest.`,
    cancelled: 'What it has done stays done.',
    done: '',
  }[state];
  return `Job ${id} (${of} ${kind}) is ${state}: ${orderCounts(job)}.${hint === '' ? '' : `\n${hint}`}`;
}

const exitOf = ({ state }: JobReport): Exit => (state === 'done' || state === 'running' ? EXIT.ok : EXIT.failed);
