import type { PageOf } from '../../../schemas/admin-api/common.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { pause } from '../random.ts';
import type { Desk, Wanted } from './desk.ts';
import { keyOf, now, type Order, type Scribe } from './history.ts';
import type { House } from './house.ts';
import { CHOOSY, COMES, first, PIPELINES, type Settings, written } from './plan.ts';

export interface OperatorTools {
  readonly desk: Desk;
  readonly house: House;
  readonly history: Scribe;
  /** Of the receivers. */
  readonly port: number;
  readonly random: () => number;
}

/** Most replays of a run: each is a stretch of the log once more. */
const REPLAYS = 5;
/** Of the orders that a command can give, this part is given by it: a process each. */
const BY_CLI = 0.08;

/** An operator with a restless hand. */
export interface Operator {
  /** Gives orders until told to stop. */
  work(stopping: () => boolean): Promise<void>;
  /** Follows a configuration; what an earlier one said stays where this one does not say otherwise. */
  reload(change: Partial<Settings>): Promise<void>;
}

type Ref = Pick<PipelineReport, 'shop' | 'pipeline'>;

export function operatorOf({ desk, house, history, port, random }: OperatorTools): Operator {
  let settings = first;
  let replays = 0;
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
  const give = (wanted: Wanted): Promise<Order> => desk.order(wanted, random() < BY_CLI ? 'cli' : 'api');
  const pipeline = () => pick(PIPELINES) ?? COMES;
  const letters = async (query = ''): Promise<readonly DeadView[]> =>
    (await desk.look<PageOf<DeadView>>(`/dead?limit=200${query}`))?.items ?? [];
  const letter = async () => pick(await letters());

  const reload = async (change: Partial<Settings>): Promise<void> => {
    settings = { ...settings, ...change };
    const order: Order = { kind: 'reload', input: { ...change }, by: 'api', begunAt: now() };
    history.orders.push(order);
    try {
      await house.follow(written(settings, port));
      order.result = 'done';
    } catch (error) {
      order.result = 'cut';
      order.answer = { why: String(error) };
    }
    order.endedAt = now();
    history.note('reload', order);
  };

  const acts: readonly (readonly [weight: number, act: Act])[] = [
    [3, async () => give(suspend(pipeline()))],
    [4, async () => give(resume((await suspended(desk, pick)) ?? pipeline()))],
    [3, async () => withLetter(await letter(), (one) => give(dead('redrive', one)))],
    [2, () => many('redrive')],
    [2, async () => withLetter(await letter(), (one) => give(dead('discard', one)))],
    [0.5, () => many('discard')],
    // The same letter, one order right behind the other.
    [2, async () => withLetter(await letter(), (one) => race(one))],
    [1, () => replay()],
    [0.5, () => cancel()],
    [1, async () => retarget(pipeline())],
    [1, () => reload({ comes: pick(['here', 'renamed', 'gone', 'both'] as const) ?? 'here' })],
    [0.7, () => reload({ isNarrow: random() < 0.5 })],
    [0.7, () => reload({ takesCustom: random() < 0.6 })],
    [1, () => Promise.all(Array.from({ length: random() < 0.5 ? 2 : 1 }, () => give(quarantine('redrive'))))],
    [0.7, () => discardOneRefused()],
  ];
  const total = acts.reduce((sum, [weight]) => sum + weight, 0);

  const many = async (what: 'redrive' | 'discard') => {
    const ref = pipeline();
    const known = await letters(`&shop=${ref.shop}&pipeline=${ref.pipeline}`);
    if (known.length > 0) await give({ ...dead(what, ref), letters: known.map(nameOf) });
  };
  const race = async (one: DeadView) => {
    const redriven = give(dead('redrive', one));
    await pause(random() * 120);
    await Promise.all([redriven, give(dead('discard', one))]);
  };
  const replay = async () => {
    if (replays >= REPLAYS) return;
    replays += 1;
    const { shop, pipeline: id } = pipeline();
    await give({ kind: 'replay', input: { shop, pipeline: id }, path: '/replays', body: { shop, pipeline: id } });
  };
  const cancel = async () => {
    const jobs = (await desk.look<{ replays: ReplayJob[] }>('/replays'))?.replays ?? [];
    const job = pick(jobs.filter(({ state }) => state === 'running' || state === 'suspended'));
    if (!job) return;
    const { id, shop, pipeline: name } = job;
    const input = { id, shop, pipeline: `${name}-${id}` };
    await give({ kind: 'cancel', input, path: `/replays/${id}/cancel`, words: ['replay', 'cancel', id] });
  };
  const retarget = async (ref: Ref) => {
    const key = keyOf(ref);
    await reload({ generations: { ...settings.generations, [key]: (settings.generations[key] ?? 0) + 1 } });
  };
  const discardOneRefused = async () => {
    const page = await desk.look<PageOf<{ id: string; shop: string; event_id?: string }>>('/quarantine?limit=50');
    const item = pick(page?.items ?? []);
    if (item) await give(quarantine('discard', { shop: item.shop, event_id: item.event_id }));
  };

  return {
    reload,
    async work(stopping) {
      while (!stopping()) {
        await drawn(acts, random() * total)();
        await pause(30 + random() * 250);
      }
    },
  };
}

type Act = () => Promise<unknown>;

/** The act at which the weights come to a sum. */
function drawn(acts: readonly (readonly [number, Act])[], sum: number): Act {
  let left = sum;
  for (const [weight, act] of acts) {
    left -= weight;
    if (left <= 0) return act;
  }
  return async () => {};
}

async function withLetter(letter: DeadView | undefined, act: (letter: DeadView) => Promise<unknown>): Promise<void> {
  if (letter) await act(letter);
}

async function suspended(desk: Desk, pick: <T>(all: readonly T[]) => T | undefined): Promise<Ref | undefined> {
  const all = (await desk.look<{ pipelines: PipelineReport[] }>('/pipelines'))?.pipelines ?? [];
  return pick(all.filter(({ state }) => state === 'suspended'));
}

const place = ({ shop, pipeline }: Ref) => `/pipelines/${shop}/${pipeline}`;

export const suspend = ({ shop, pipeline }: Ref): Wanted => ({
  kind: 'suspend',
  input: { shop, pipeline },
  path: `${place({ shop, pipeline })}/suspend`,
  body: { reason: 'by plan' },
  words: ['pipelines', 'suspend', shop, pipeline],
});

export const resume = ({ shop, pipeline }: Ref): Wanted => ({
  kind: 'resume',
  input: { shop, pipeline },
  path: `${place({ shop, pipeline })}/resume`,
  words: ['pipelines', 'resume', shop, pipeline],
});

const nameOf = ({ shop, pipeline, event }: DeadView): string => `${shop}/${pipeline}#${event.event_id}`;

/** A letter, or all of a pipeline; without either all there are. */
export function dead(kind: 'redrive' | 'discard', of?: DeadView | Ref): Wanted {
  const sure = kind === 'discard' ? ['--yes'] : [];
  if (of === undefined)
    return { kind, input: {}, path: `/dead/${kind}`, body: { all: true }, words: ['dead', kind, '--all', ...sure] };
  const { shop, pipeline } = of;
  const letter = 'event' in of ? of : undefined;
  const input = { shop, pipeline, ...(letter && { event_id: letter.event.event_id }) };
  const words = ['dead', kind, '--shop', shop, '--pipeline', pipeline];
  return {
    kind,
    input,
    path: `/dead/${kind}`,
    body: input,
    words: [...words, ...(letter ? ['--event', letter.event.event_id] : []), ...sure],
    ...(letter && { letters: [nameOf(letter)] }),
  };
}

export function quarantine(what: 'redrive' | 'discard', of?: object): Wanted {
  const sure = what === 'discard' ? ['--yes'] : [];
  const all = of === undefined;
  return {
    kind: `${what} quarantine`,
    input: { ...of },
    path: `/quarantine/${what}`,
    body: of ?? { all: true },
    ...(all && { words: ['quarantine', what, '--all', ...sure] }),
  };
}

export { CHOOSY };
