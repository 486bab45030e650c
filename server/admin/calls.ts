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
    'What happened to an event, in every shop that has seen its id; of its refusals the first hundred. Unknown ids have an empty list.',
    receipts.ReceiptQuery,
    receipts.Receipts,
  ),
  pipelines: get(
    '/admin/pipelines',
    'Every pipeline, where it is and how it does.',
    NoInput,
    pipelines.PipelineReports,
  ),
  suspendPipeline: post(
    `${PIPELINE}/suspend`,
    'Stop a pipeline where it is, until resumed.',
    pipelines.SuspendOrder,
    Done,
  ),
  resumePipeline: post(
    `${PIPELINE}/resume`,
    'Let a suspended pipeline go on from where it was.',
    pipelines.ResumeOrder,
    Done,
  ),
  adoptPipeline: post(
    `${PIPELINE}/adopt`,
    'Deliver what an orphaned pipeline owes to another one of its shop, by a replay.',
    pipelines.AdoptOrder,
    replays.Adopted,
  ),
  discardPipeline: post(
    `${PIPELINE}/discard`,
    'Let go of what an orphaned pipeline owes, for good.',
    pipelines.DiscardOrder,
    pipelines.OrphanDiscard,
  ),
  dead: get(
    '/admin/dead',
    'Dead letters, from the oldest. A page ends at its limit, or at about a megabyte.',
    dead.DeadQuery,
    pageOf(dead.DeadView),
  ),
  exportDead: lines('/admin/export/dead', 'All dead letters that are selected.', dead.DeadExport, dead.DeadView),
  redriveDead: post(
    '/admin/dead/redrive',
    'Hand dead letters to their pipelines once more; they stay until delivered. What takes longer than two seconds goes on as a job.',
    dead.DeadOrder,
    jobs.Redriven,
  ),
  discardDead: post(
    '/admin/dead/discard',
    'Let dead letters go for good. What takes longer than two seconds goes on as a job.',
    dead.DeadOrder,
    jobs.Discarded,
  ),
  quarantine: get(
    '/admin/quarantine',
    'Events refused at ingest, from the oldest, without their bodies. A page ends at its limit, or at about a megabyte.',
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
    'All events refused at ingest that are selected, with their bodies.',
    quarantine.QuarantineExport,
    quarantine.QuarantinedView,
  ),
  redriveQuarantine: post(
    '/admin/quarantine/redrive',
    "Read quarantined events again by today's rules. What takes longer than two seconds goes on as a job.",
    quarantine.QuarantineOrder,
    jobs.QuarantineRedriven,
  ),
  discardQuarantine: post(
    '/admin/quarantine/discard',
    'Let quarantined events go for good. What takes longer than two seconds goes on as a job.',
    quarantine.QuarantineOrder,
    jobs.Discarded,
  ),
  jobs: get(
    '/admin/jobs',
    'Redrives and discards, running or over, from the newest. One about the same runs at a time.',
    NoInput,
    jobs.JobReports,
  ),
  job: get('/admin/jobs/:id', 'One of them, and how far it has come.', jobs.JobRef, jobs.JobReport),
  cancelJob: post(
    '/admin/jobs/:id/cancel',
    'End a running job where it is; what it has done stays done.',
    jobs.JobRef,
    Done,
  ),
  planReplay: lines(
    '/admin/replays/plan',
    'What a replay would do, told while it is found out: a line for each stretch of the log, the last of which is the whole plan. Hang up to end it.',
    replays.ReplayPlanQuery,
    replays.ReplayPlanned,
  ),
  replay: post(
    '/admin/replays',
    'Deliver a stretch of the log again, or say with `dry_run` what that would do.',
    replays.ReplayRequest,
    replays.PlanOrJob,
  ),
  replays: get('/admin/replays', 'Every replay, running or over.', NoInput, replays.ReplayJobs),
  cancelReplay: post(
    '/admin/replays/:id/cancel',
    'End a replay where it is. Answers what it is then: one that was done first stays done.',
    replays.ReplayRef,
    replays.ReplayCancelled,
  ),
  balance: get('/admin/balance', 'Whether every event is accounted for.', NoInput, Balance),
  tail: get(
    '/admin/tail',
    'Events as they are accepted, refused and delivered: server-sent events named by their kind, each with one JSON document. A `note` comes first where what other processes do is not shown.',
    tail.TailQuery,
  ),
} as const;

/** The parameters of a path. */
export const pathNames = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
