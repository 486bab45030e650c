import type { JobReport } from '../../schemas/admin-api/jobs.ts';
import type { ReplayJob } from '../../schemas/admin-api/replays.ts';
import { type AdminClient, NoAnswer, path } from './client.ts';
import { Failure, type Terminal } from './output.ts';
import { number } from './table.ts';
import { cut } from './width.ts';

const EVERY_MS = 1000;
/** Seconds without an answer before giving up: a gateway may restart meanwhile, and its replays continue. */
const MOST_UNANSWERED = 120;
const BAR = 24;

/** Watches a replay until it ends or the operator leaves; gives its last known state. Throws a Failure if the gateway stops answering. */
export const watchReplay = (client: AdminClient, job: ReplayJob, terminal: Terminal): Promise<ReplayJob> =>
  watched(
    job,
    () => jobOf(client, job.id),
    (last, isAway) => `${barOf(last)}  ${isAway ? AWAY : countsOf(last)}`,
    terminal,
  );

const AWAY = 'waiting for the gateway';

/** Watches a job in the same way. */
export const watchJob = (client: AdminClient, order: JobReport, terminal: Terminal): Promise<JobReport> =>
  watched(
    order,
    () => client.get<JobReport>(path`/admin/jobs/${order.id}`),
    (last, isAway) => `${isAway ? AWAY : orderCounts(last)}, ${number(last.looked)} looked at`,
    terminal,
  );

/** `2 accepted, 1 duplicate`. */
export const orderCounts = ({ counts }: JobReport): string =>
  Object.entries(counts)
    .map(([name, count]) => `${number(count)} ${name}`)
    .join(', ');

async function watched<T extends { readonly state: string }>(
  first: T,
  ask: () => Promise<T>,
  line: (last: T, isAway: boolean) => string,
  terminal: Terminal,
): Promise<T> {
  const left = terminal.interrupted();
  let last = first;
  let unanswered = 0;
  try {
    while (isUnfinished(last) && !left.aborted) {
      if (terminal.isTty) terminal.progress(cut(line(last, unanswered > 0), terminal));
      await terminal.sleep(EVERY_MS, left);
      if (left.aborted) break;
      try {
        last = await ask();
        unanswered = 0;
      } catch (error) {
        unanswered += 1;
        if (!(error instanceof NoAnswer) || unanswered > MOST_UNANSWERED) throw error;
      }
    }
  } finally {
    if (terminal.isTty) terminal.progress('');
  }
  return last;
}

async function jobOf(client: AdminClient, id: string): Promise<ReplayJob> {
  const { replays } = await client.get<{ replays: ReplayJob[] }>('/admin/replays');
  const job = replays.find((replay) => replay.id === id);
  if (job === undefined) throw new Failure(`The gateway does not know replay ${id} any more.`);
  return job;
}

/** One line with all about a replay. */
export const replayLine = (job: ReplayJob): string =>
  `Replay ${job.id} to ${job.pipeline} of ${job.shop} is ${job.state}${job.reason === undefined ? '' : ` (${job.reason})`} at ${percent(job)}: ${countsOf(job)}`;

const countsOf = ({ delivered, dead, filtered }: ReplayJob): string =>
  `${number(delivered)} delivered, ${number(dead)} dead, ${number(filtered)} filtered`;

function barOf(job: ReplayJob): string {
  const filled = Math.round(finishedPart(job) * BAR);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ${percent(job).padStart(4)}`;
}

const percent = (job: ReplayJob): string => `${Math.floor(finishedPart(job) * 100)}%`;

/** The finished part of the stretch, from 0 to 1. */
function finishedPart({ state, from, to, position }: ReplayJob): number {
  if (state === 'done') return 1;
  // Both ends are included. Before the first event is finished, the position is the one before it.
  const length = to - from + 1;
  return length > 0 ? Math.min(1, Math.max(0, (position - from + 1) / length)) : 0;
}

/** A failing replay is tried again and again. */
export const isUnfinished = ({ state }: { readonly state: string }): boolean =>
  state === 'running' || state === 'failing';
