import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeadLetter } from '../../adapters/logs/state/dead-letters.ts';
import type { PipelineId } from '../../adapters/logs/state/shared.ts';
import type { DeadSelection, DeadView } from '../../schemas/admin-api/dead-letters.ts';
import { type OperatorJobs, type Order, type Step, whenAvailable } from './jobs.ts';
import { deadView } from './kept-views.ts';
import type { Operations } from './operations.ts';
import type { OperatorTools } from './operator.ts';
import { itemsOf, pageOf } from './pages.ts';
import { within } from './shops-and-times.ts';

/** Letters read at once: each may hold an event of 256 KB. */
const READ_AT_ONCE = 50;
/** Letters changed in one commit. */
const CHANGED_AT_ONCE = 500;

type DeadOperations = Pick<Operations, 'dead' | 'allDead' | 'redriveDead' | 'discardDead'>;

/** What an operator can ask and order about dead letters. */
export function deadOperations(tools: OperatorTools, jobs: OperatorJobs): DeadOperations {
  const { store, pipelines, replays, clock } = tools;
  const order = (kind: Order['kind'], selection: DeadSelection, counted: string): Order => ({
    of: 'dead',
    kind,
    shop: selection.shop,
    selection: { ...selection },
    counts: [counted],
  });
  return {
    dead: (selection, page) => pageOf(deadLetters(tools, selection, page.after), page),
    allDead: (selection) => itemsOf(deadLetters(tools, selection)),
    redriveDead: (selection) =>
      jobs.order(order('redrive', selection, 'redriven'), () =>
        eachDead(
          tools,
          selection,
          'redriven',
          (id, positions) => store.state.deadLetters.redrive(id, positions),
          async (id) => void (pipelines.find(id) || (await replays.revive(id))),
        ),
      ),
    discardDead: (selection) =>
      jobs.order(order('discard', selection, 'discarded'), () =>
        eachDead(tools, selection, 'discarded', (id, positions) =>
          store.state.deadLetters.discard(id, positions, clock.now()),
        ),
      ),
  };
}

/** The selected dead letters, pipeline by pipeline, oldest first. `key`: the `after` of the next page. */
async function* deadLetters(
  tools: OperatorTools,
  selection: DeadSelection,
  after = '',
): AsyncGenerator<{ readonly key: string; readonly item: DeadView }> {
  const [from = '', position = '0'] = after.split('#');
  for (const id of await idsOf(tools, selection)) {
    const key = keyOf(id);
    if (key.localeCompare(from) < 0) continue;
    for await (const page of pagesOf(tools, id, key === from ? position : '0')) {
      for (const letter of page)
        if (fits(letter, selection)) yield { key: `${key}#${letter.position}`, item: deadView(id, letter) };
    }
  }
}

/** Applies `act` to all selected letters, some at a time; it gives how many it changed. `counted`: the name of that count. */
async function* eachDead(
  tools: OperatorTools,
  selection: DeadSelection,
  counted: string,
  act: (id: PipelineId, positions: readonly number[]) => Promise<number>,
  finish: (id: PipelineId) => Promise<void> = async () => {},
): AsyncGenerator<Step> {
  for (const id of await idsOf(tools, selection)) {
    let positions: number[] = [];
    let looked = 0;
    let any = false;
    const flush = async (): Promise<Step> => {
      const some = positions;
      const count = some.length > 0 ? await whenAvailable(tools, () => act(id, some)) : 0;
      const step = { looked, counts: { [counted]: count } };
      any ||= positions.length > 0;
      [positions, looked] = [[], 0];
      return step;
    };
    for await (const page of pagesOf(tools, id, '0')) {
      looked += page.length;
      positions.push(...page.filter((letter) => fits(letter, selection)).map(({ position }) => position));
      if (positions.length >= CHANGED_AT_ONCE || looked >= 10 * CHANGED_AT_ONCE) yield await flush();
    }
    yield await flush();
    if (any) await finish(id);
  }
}

async function* pagesOf({ store }: OperatorTools, id: PipelineId, after: string): AsyncGenerator<DeadLetter[]> {
  for (let last = after; ; ) {
    const page = await store.state.deadLetters.open(id, { limit: READ_AT_ONCE, after: last });
    if (page.length === 0) return;
    yield page;
    last = String(page.at(-1)?.position);
    await nextTurn();
  }
}

async function idsOf({ pipelines, replays }: OperatorTools, { shop, pipeline }: DeadSelection): Promise<PipelineId[]> {
  const all = [...(await pipelines.statuses()).map(({ id }) => id), ...(await replays.ids())];
  // A replay that delivers an adopted orphan has the orphan's name.
  const ids = new Map(all.map((id) => [keyOf(id), id]));
  return [...ids.values()]
    .filter((id) => (!shop || shop === id.shop) && (!pipeline || pipeline === id.pipeline))
    .sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;

const fits = ({ event, reason, at }: DeadLetter, selection: DeadSelection): boolean =>
  (selection.event_id === undefined || selection.event_id === event.event_id) &&
  (selection.reason === undefined || reason.includes(selection.reason)) &&
  within(at, selection);
