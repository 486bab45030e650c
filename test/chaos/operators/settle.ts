import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { PageOf } from '../../../schemas/admin-api/common.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import type { PipelineReport } from '../../../schemas/admin-api/pipelines.ts';
import type { QuarantinedHeadView } from '../../../schemas/admin-api/quarantine.ts';
import type { Receipt } from '../../../schemas/admin-api/receipts.ts';
import type { ReplayJob } from '../../../schemas/admin-api/replays.ts';
import { until } from '../../support/until.ts';
import { pause } from '../random.ts';
import type { Desk, Wanted } from './desk.ts';
import { type Final, keyOf, now, type Scribe } from './history.ts';
import { ledgerOf } from './ledger.ts';
import { dead, quarantine, resume } from './orders.ts';
import { PIPELINES } from './plan.ts';

/** Brings everything to an end, and asks the gateway what it knows. */
export async function settled(desk: Desk, history: Scribe, settleMs: number): Promise<Final> {
  const pipelines = async () => (await desk.look<{ pipelines: PipelineReport[] }>('/pipelines'))?.pipelines;
  const replays = async () => (await desk.look<{ replays: ReplayJob[] }>('/replays'))?.replays;
  const letters = () => all<DeadView>(desk, '/dead');
  const isQuiet = async () => {
    const [reports, jobs] = [await pipelines(), await replays()];
    if (!reports || !jobs) return false;
    for (const one of reports) if (one.state === 'suspended') await desk.order(resume(one));
    for (const { id, shop, pipeline, state } of jobs)
      if (state === 'suspended') await desk.order(resume({ shop, pipeline: `${pipeline}-${id}` }));
    const isMoving = reports.some(({ pending }) => pending > 0) || jobs.some(({ state }) => state === 'running');
    return !isMoving && (await letters()).every(({ redrive }) => !redrive);
  };
  const quiet = (what: string) => until(isQuiet, settleMs).catch(() => history.note('not quiet', { what }));
  await quiet('before the last redrive');
  const lettersBefore = (await letters()).map((one) => `${keyOf(one)}#${one.event.event_id}`);
  const lettersAt = now();
  await insist(desk, quarantine('redrive'));
  await insist(desk, dead('redrive'));
  await quiet('after the last redrive');
  const ledger = ledgerOf(history);
  const asked = [...history.sent.values()].filter(
    ({ id, shop, isCustom }, index) =>
      isCustom ||
      index % 20 === 0 ||
      PIPELINES.some((ref) => {
        const key = keyOf(ref);
        if (ref.shop !== shop) return false;
        const requests = ledger.all(key, id);
        // Those with a story: refused, cut off, sent more than once, or never taken.
        return requests.length !== 1 || requests.some(({ answer, whole }) => answer !== 200 || !whole);
      }),
  );
  const receipts = new Map<string, readonly Receipt[]>();
  for (const { id, shop } of asked) {
    const found = await desk.look<{ receipts: Receipt[] }>(`/receipts/${encodeURIComponent(id)}?shop=${shop}`);
    receipts.set(`${shop}#${id}`, found?.receipts ?? []);
  }
  const final: Final = {
    lettersBefore,
    lettersAt,
    receipts,
    balance: await sure(desk.look<Balance>('/balance')),
    pipelines: await sure(pipelines()),
    replays: await sure(replays()),
    dead: await letters(),
    quarantine: await all<QuarantinedHeadView>(desk, '/quarantine'),
  };
  history.note('balance', final.balance);
  history.note('replays', { replays: final.replays });
  return final;
}

/** Longer than the job of a process that was killed stands in the way of the next. */
const FREE_MS = 45_000;

async function insist(desk: Desk, wanted: Wanted): Promise<void> {
  await until(async () => (await desk.order(wanted)).result === 'done' || pause(1000), FREE_MS).catch(() => {});
}

async function sure<T>(asked: Promise<T | undefined>): Promise<T> {
  const found = await asked;
  if (found === undefined) throw new Error('expected an answer of the admin API at the end, got none');
  return found;
}

async function all<T>(desk: Desk, path: string): Promise<T[]> {
  const items: T[] = [];
  for (let after: string | undefined; ; ) {
    const more: string = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
    const page: PageOf<T> = await sure(desk.look<PageOf<T>>(`${path}?limit=500${more}`));
    items.push(...page.items);
    if (page.next === undefined) return items;
    after = page.next;
  }
}
