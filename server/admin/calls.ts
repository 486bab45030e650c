import type { TObject, TSchema } from 'typebox';
import * as shapes from '../../schemas/admin.ts';

const { Answers } = shapes;

/** One call of the admin API. The router serves it and the OpenAPI document describes it from the same words. */
export interface AdminCall<Input extends TObject = TObject> {
  readonly method: 'get' | 'post';
  /** `:name` stands for a property of the input. The rest of the input is the query of a GET, the JSON body of a POST. */
  readonly path: string;
  readonly summary: string;
  readonly input: Input;
  /** Absent for what answers as a stream. */
  readonly answer?: TSchema;
  /** What each line of a stream of NDJSON holds; absent for the live tail, which answers server-sent events. */
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

/** Every call there is, by the name that the audit lines and the OpenAPI document give it. */
export const adminCalls = {
  receipts: get(
    '/admin/receipts/:event_id',
    'What happened to an event, in every shop that has seen its id; of its refusals the first hundred. Unknown ids have an empty list.',
    shapes.ReceiptQuery,
    Answers.receipts,
  ),
  pipelines: get('/admin/pipelines', 'Every pipeline, where it is and how it does.', shapes.NoInput, Answers.pipelines),
  suspendPipeline: post(
    `${PIPELINE}/suspend`,
    'Stop a pipeline where it is, until resumed.',
    shapes.SuspendOrder,
    Answers.done,
  ),
  resumePipeline: post(
    `${PIPELINE}/resume`,
    'Let a suspended pipeline go on from where it was.',
    shapes.ResumeOrder,
    Answers.done,
  ),
  adoptPipeline: post(
    `${PIPELINE}/adopt`,
    'Deliver what an orphaned pipeline owes to another one of its shop, by a replay.',
    shapes.AdoptOrder,
    Answers.adopted,
  ),
  discardPipeline: post(
    `${PIPELINE}/discard`,
    'Let go of what an orphaned pipeline owes, for good.',
    shapes.DiscardOrder,
    Answers.orphanDiscarded,
  ),
  dead: get(
    '/admin/dead',
    'Dead letters, from the oldest. A page ends at its limit, or at about a megabyte.',
    shapes.DeadQuery,
    shapes.pageOf(shapes.DeadLetter),
  ),
  exportDead: lines('/admin/export/dead', 'All dead letters that are selected.', shapes.DeadExport, shapes.DeadLetter),
  redriveDead: post(
    '/admin/dead/redrive',
    'Hand dead letters to their pipelines once more; they stay until delivered. What takes longer than two seconds goes on as a job.',
    shapes.DeadOrder,
    Answers.redriven,
  ),
  discardDead: post(
    '/admin/dead/discard',
    'Let dead letters go for good. What takes longer than two seconds goes on as a job.',
    shapes.DeadOrder,
    Answers.discarded,
  ),
  quarantine: get(
    '/admin/quarantine',
    'Events refused at ingest, from the oldest, without their bodies. A page ends at its limit, or at about a megabyte.',
    shapes.QuarantineQuery,
    shapes.pageOf(shapes.QuarantinedHead),
  ),
  oneQuarantined: get(
    '/admin/quarantine/:id',
    'One event refused at ingest, with its body.',
    shapes.QuarantinedQuery,
    shapes.Quarantined,
  ),
  exportQuarantine: lines(
    '/admin/export/quarantine',
    'All events refused at ingest that are selected, with their bodies.',
    shapes.QuarantineExport,
    shapes.Quarantined,
  ),
  redriveQuarantine: post(
    '/admin/quarantine/redrive',
    "Read quarantined events again by today's rules. What takes longer than two seconds goes on as a job.",
    shapes.QuarantineOrder,
    Answers.quarantineRedriven,
  ),
  discardQuarantine: post(
    '/admin/quarantine/discard',
    'Let quarantined events go for good. What takes longer than two seconds goes on as a job.',
    shapes.QuarantineOrder,
    Answers.discarded,
  ),
  jobs: get(
    '/admin/jobs',
    'Redrives and discards, running or over, from the newest. One about the same runs at a time.',
    shapes.NoInput,
    Answers.jobs,
  ),
  job: get('/admin/jobs/:id', 'One of them, and how far it has come.', shapes.JobRef, shapes.Job),
  cancelJob: post(
    '/admin/jobs/:id/cancel',
    'End a running job where it is; what it has done stays done.',
    shapes.JobRef,
    Answers.done,
  ),
  planReplay: lines(
    '/admin/replays/plan',
    'What a replay would do, told while it is found out: a line for each stretch of the log, the last of which is the whole plan. Hang up to end it.',
    shapes.ReplayPlanQuery,
    shapes.ReplayPlanned,
  ),
  replay: post(
    '/admin/replays',
    'Deliver a stretch of the log again, or say with `dry_run` what that would do.',
    shapes.ReplayRequest,
    Answers.replay,
  ),
  replays: get('/admin/replays', 'Every replay, running or over.', shapes.NoInput, Answers.replays),
  cancelReplay: post(
    '/admin/replays/:id/cancel',
    'End a replay where it is. Answers what it is then: one that was done first stays done.',
    shapes.ReplayRef,
    Answers.replayCancelled,
  ),
  balance: get('/admin/balance', 'Whether every event is accounted for.', shapes.NoInput, shapes.Balance),
  tail: get(
    '/admin/tail',
    'Events as they are accepted, refused and delivered: server-sent events named by their kind, each with one JSON document. A `note` comes first where what other processes do is not shown.',
    shapes.TailQuery,
  ),
} as const;

/** The names in a path. */
export const pathNames = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
