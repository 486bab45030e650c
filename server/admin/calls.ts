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
  /** Absent for the live tail, which answers server-sent events. */
  readonly answer?: TSchema;
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

const PIPELINE = '/admin/pipelines/:shop/:pipeline';

/** Every call there is, by the name that the audit lines and the OpenAPI document give it. */
export const adminCalls = {
  receipts: get(
    '/admin/receipts/:eventId',
    'What happened to an event, in every shop that has seen its id. Unknown ids have an empty list.',
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
  dead: get('/admin/dead', 'Dead letters, from the oldest.', shapes.DeadQuery, shapes.pageOf(shapes.DeadLetter)),
  redriveDead: post(
    '/admin/dead/redrive',
    'Hand dead letters to their pipelines once more; they stay until delivered.',
    shapes.DeadOrder,
    Answers.redriven,
  ),
  discardDead: post('/admin/dead/discard', 'Let dead letters go for good.', shapes.DeadOrder, Answers.discarded),
  quarantine: get(
    '/admin/quarantine',
    'Events refused at ingest, from the oldest.',
    shapes.QuarantineQuery,
    shapes.pageOf(shapes.Quarantined),
  ),
  redriveQuarantine: post(
    '/admin/quarantine/redrive',
    "Read quarantined events again by today's rules.",
    shapes.QuarantineOrder,
    Answers.quarantineRedriven,
  ),
  discardQuarantine: post(
    '/admin/quarantine/discard',
    'Let quarantined events go for good.',
    shapes.QuarantineOrder,
    Answers.discarded,
  ),
  replay: post(
    '/admin/replays',
    'Deliver a stretch of the log again, or say with `dryRun` what that would do.',
    shapes.ReplayRequest,
    Answers.replay,
  ),
  replays: get('/admin/replays', 'Every replay, running or over.', shapes.NoInput, Answers.replays),
  cancelReplay: post('/admin/replays/:id/cancel', 'End a running replay where it is.', shapes.ReplayRef, Answers.done),
  balance: get('/admin/balance', 'Whether every event is accounted for.', shapes.NoInput, shapes.Balance),
  tail: get(
    '/admin/tail',
    'Events as they are accepted, refused and delivered: server-sent events named by their kind, each with one JSON document.',
    shapes.TailQuery,
  ),
} as const;

/** The names in a path. */
export const pathNames = (path: string): string[] => [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
