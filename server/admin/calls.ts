import type { TObject, TSchema } from 'typebox';
import { Balance } from '../../schemas/admin-api/balance.ts';
import { Done, NoInput, pageOf } from '../../schemas/admin-api/common.ts';
import * as dead from '../../schemas/admin-api/dead-letters.ts';
import * as jobs from '../../schemas/admin-api/jobs.ts';
import * as pipelines from '../../schemas/admin-api/pipelines.ts';
import * as quarantine from '../../schemas/admin-api/quarantine.ts';
import * as receipts from '../../schemas/admin-api/receipts.ts';
import * as replays from '../../schemas/admin-api/replays.ts';
import * as tail from '../../schemas/admin-api/tail.ts';

/** One call of the admin API. The router and the OpenAPI document are both made from it. */
export interface AdminCall<Input extends TObject = TObject> {
  readonly method: 'get' | 'post';
  /** `:name` is a property of the input. The other properties are the query of a GET or the JSON body of a POST. */
  readonly path: string;
  readonly summary: string;
  readonly input: Input;
  /** Absent if the answer is a stream. */
  readonly answer?: TSchema;
  /** Shape of each line of an NDJSON stream. Absent for the live tail, which sends server-sent events. */
  readonly line?: TSchema;
}

const get = <T extends TObject>(path: string, summary: string, input: T, answer?: TSchema): AdminCall<T> => ({
  method: 'get',
  path,
  summary,
  input,
  ...(answer && { answer }),
});
const post = <T extends TObject>(path: string, summary: string, input: T, answer: TSchema): AdminCall<T> => ({
  method: 'post',
  path,
  summary,
  input,
  answer,
});

const lines = <T extends TObject>(path: string, summary: string, input: T, line: TSchema): AdminCall<T> => ({
  method: 'get',
  path,
  summary,
  input,
  line,
});

const PIPELINE = '/admin/pipelines/:shop/:pipeline';

/** Every call, by its name in audit lines and in the OpenAPI document. */
export const adminCalls = {
  receipts: get(
    '/admin/receipts/:event_id',
    'What happened to an event, in every shop that has seen its id, with at most a hundred refusals. The list is empty for an unknown id.',
    receipts.ReceiptQuery,
    receipts.Receipts,
  ),
  pipelines: get(
    '/admin/pipelines',
    'Every pipeline, with its state and its counts.',
    NoInput,
    pipelines.PipelineReports,
  ),
  suspendPipeline: post(
    `${PIPELINE}/suspend`,
    'Stop a pipeline at its cursor until it is resumed.',
    pipelines.SuspendOrder,
    Done,
  ),
  resumePipeline: post(
    `${PIPELINE}/resume`,
    'Continue a suspended pipeline from where it stopped.',
    pipelines.ResumeOrder,
    Done,
  ),
  adoptPipeline: post(
    `${PIPELINE}/adopt`,
    'Have another pipeline of the shop deliver what an orphaned one owes, by a replay.',
    pipelines.AdoptOrder,
    replays.Adopted,
  ),
  discardPipeline: post(
    `${PIPELINE}/discard`,
    'Discard what an orphaned pipeline owes, for good.',
    pipelines.DiscardOrder,
    pipelines.OrphanDiscard,
  ),
  dead: get(
    '/admin/dead',
    'Dead letters, oldest first. A page ends at its limit, or at about a megabyte.',
    dead.DeadQuery,
    pageOf(dead.DeadView),
  ),
  exportDead: lines('/admin/export/dead', 'All selected dead letters.', dead.DeadExport, dead.DeadView),
  redriveDead: post(
    '/admin/dead/redrive',
    'Have pipelines try dead letters again; they stay until they are delivered. After two seconds it continues as a job.',
    dead.DeadOrder,
    jobs.Redriven,
  ),
  discardDead: post(
    '/admin/dead/discard',
    'Discard dead letters for good. After two seconds it continues as a job.',
    dead.DeadOrder,
    jobs.Discarded,
  ),
  quarantine: get(
    '/admin/quarantine',
    'Events refused at ingest, oldest first, without their bodies. A page ends at its limit, or at about a megabyte.',
    quarantine.QuarantineQuery,
    pageOf(quarantine.QuarantinedHeadView),
  ),
  oneQuarantined: get(
    '/admin/quarantine/:id',
    'One event refused at ingest, with its body.',
    quarantine.QuarantinedQuery,
    quarantine.QuarantinedView,
  ),
  exportQuarantine: lines(
    '/admin/export/quarantine',
    'All selected events that were refused at ingest, with their bodies.',
    quarantine.QuarantineExport,
    quarantine.QuarantinedView,
  ),
  redriveQuarantine: post(
    '/admin/quarantine/redrive',
    "Read quarantined events again by today's rules. After two seconds it continues as a job.",
    quarantine.QuarantineOrder,
    jobs.QuarantineRedriven,
  ),
  discardQuarantine: post(
    '/admin/quarantine/discard',
    'Discard quarantined events for good. After two seconds it continues as a job.',
    quarantine.QuarantineOrder,
    jobs.Discarded,
  ),
  jobs: get(
    '/admin/jobs',
    'Redrives and discards, running or finished, newest first. Two about the same events never run at once.',
    NoInput,
    jobs.JobReports,
  ),
  job: get('/admin/jobs/:id', 'One job and its progress.', jobs.JobRef, jobs.JobReport),
  cancelJob: post('/admin/jobs/:id/cancel', 'Stop a running job; what it has done stays done.', jobs.JobRef, Done),
  planReplay: lines(
    '/admin/replays/plan',
    'What a replay would do, streamed while it is computed: a line for each stretch of the log; the last line is the whole plan. Close the connection to stop it.',
    replays.ReplayPlanQuery,
    replays.ReplayPlanned,
  ),
  replay: post(
    '/admin/replays',
    'Deliver a stretch of the log again, or with `dry_run` only show what that would do.',
    replays.ReplayRequest,
    replays.PlanOrJob,
  ),
  replays: get('/admin/replays', 'Every replay, running or finished.', NoInput, replays.ReplayJobs),
  cancelReplay: post(
    '/admin/replays/:id/cancel',
    'Stop a replay at its cursor. Answers its state then: one that was done already stays done.',
    replays.ReplayRef,
    replays.ReplayCancelled,
  ),
  balance: get('/admin/balance', 'Whether every event is accounted for.', NoInput, Balance),
  tail: get(
    '/admin/tail',
    'Events as they are accepted, refused and delivered: server-sent events named by their kind, each with one JSON document. A `note` comes first if other processes are not shown.',
    tail.TailQuery,
  ),
} as const;

/** The parameters of a path. */
export const pathNames = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
