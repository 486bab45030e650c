import { type Mark, plant, type Shape } from './events.ts';
import { gloodOrder, layersOrder } from './post.ts';
import { noise, seeded } from './random.ts';
import type { Manners } from './sink.ts';
import { destinationOf, pipelineOf, type Target } from './targets.ts';

/** What a mixed run sends: the same for the same plan, so that the loader and the judge need not tell each other. */
export interface Plan {
  readonly run: string;
  readonly seed: number;
  /** Different events, the invalid ones included; repeats come on top. */
  readonly events: number;
}

/** One event of the plan. */
export interface Planned extends Mark, Shape {
  /** The code with which it must be refused; absent for a valid one. */
  readonly refused?: 'unknown_type' | 'invalid';
}

/** One request of a lane. */
export interface PlannedRequest {
  readonly shop: string;
  readonly lane: string;
  /** 0, 1, 2 … within its lane. */
  readonly number: number;
  readonly order: { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Sent for the first time: valid ones and invalid ones. */
  readonly fresh: readonly Planned[];
  readonly refused: readonly Planned[];
  /** How many valid ones it sends once more. */
  readonly repeats: number;
}

export const lanes = 24;

const shops = [
  { shop: 'one.myshopify.com', token: 'token-one' },
  { shop: 'two.myshopify.com', token: 'token-two' },
  { shop: 'three.myshopify.com', token: 'token-three' },
] as const;
const [one, two, three] = shops;

/** A pipeline of the run: what it does not want and why, and how its destination behaves. */
export interface MixedTarget extends Omit<Target, 'port'> {
  readonly filters: (event: Planned) => string | undefined;
  readonly manners: Manners;
}

const everything = (): undefined => undefined;
const viewsOnly = ({ type }: Planned) => (type === 'product_view' ? undefined : 'type');
const holdMs = 10;

export const targets: readonly MixedTarget[] = [
  { shop: one.shop, pipeline: 'all', filters: everything, manners: { holdMs } },
  {
    shop: one.shop,
    pipeline: 'lanes',
    rules: { lanes: 4 },
    settings: { batchSize: 50 },
    filters: everything,
    manners: { holdMs },
  },
  {
    // Rejected alone, in batches of one: many dead letters.
    shop: two.shop,
    pipeline: 'carts',
    rules: { events: ['add_to_cart'] },
    settings: { batchSize: 1 },
    filters: ({ type }) => (type === 'add_to_cart' ? undefined : 'type'),
    manners: { marked: 422 },
  },
  {
    // Rejected with their batch: each must be searched for.
    shop: two.shop,
    pipeline: 'views',
    // Not product_*: that would mean Glood's product_added_to_cart too.
    rules: { events: ['product_view*'] },
    filters: viewsOnly,
    manners: { holdMs, marked: 422 },
  },
  {
    shop: three.shop,
    pipeline: 'consented',
    rules: { consent: ['analytics'] },
    filters: ({ analytics }) =>
      analytics === undefined ? 'consent_unknown' : analytics ? undefined : 'consent_denied',
    manners: { holdMs },
  },
  {
    shop: three.shop,
    // With a filter, so that its faults also meet stretches of the log that begin with events it does not want.
    pipeline: 'flaky',
    rules: { events: ['product_view*'] },
    filters: viewsOnly,
    manners: { holdMs, failEvery: 50, resetEvery: 71, resetAfterEvery: 83 },
  },
];

export const configOf = (port: number): object => ({
  shops: shops.map(({ shop, token }) => ({
    shop,
    tokens: [token],
    pipelines: targets
      .filter((target) => target.shop === shop)
      .map(({ filters: _, manners: __, ...target }) => pipelineOf({ ...target, port })),
  })),
});

export const mannersOf: Readonly<Record<string, Manners>> = Object.fromEntries(
  targets.map((target) => [destinationOf(target), target.manners]),
);

/** All requests of one lane, in order. Every fourth lane is an app that speaks Glood; of the third shop's, every second. */
export function* requestsOf(plan: Plan, index: number): Generator<PlannedRequest> {
  const owner = shops[index % shops.length] ?? one;
  const glood = Math.floor(index / shops.length) % (owner === three ? 2 : 4) === 0;
  const random = seeded(plan.seed * 1000 + index);
  const each = Math.ceil((plan.events - index) / lanes);
  const lane = `lane${index}`;
  const valid: Sown[] = [];
  let n = 0;
  for (let number = 0; n < each; number += 1) {
    const repeating = valid.length > 0 && random() < REPEATS;
    const size = glood ? (repeating ? 0 : 1) : Math.min(1 + Math.floor(random() * BATCH), each - n);
    const sown = Array.from({ length: size }, (_, k) => sow(plan, owner.shop, lane, n + k, glood, each, random));
    n += size;
    valid.push(...sown.filter(({ planned }) => planned.refused === undefined));
    // The latest first: those are the ones that may still be on their way to the disk.
    const again = repeating ? valid.slice(-1 - Math.floor(random() * 3)) : [];
    const chosen = glood ? again.slice(0, 1) : again;
    yield {
      shop: owner.shop,
      lane,
      number,
      fresh: sown.map(({ planned }) => planned).filter(({ refused }) => refused === undefined),
      refused: sown.map(({ planned }) => planned).filter(({ refused }) => refused !== undefined),
      repeats: chosen.length,
      order: orderOf(
        owner,
        glood,
        [...sown, ...chosen].map(({ event }) => event),
      ),
    };
    valid.splice(0, valid.length - KEPT);
  }
}

const BATCH = 10;
/** The latest of this many valid ones are repeated. */
const KEPT = 20;
const REPEATS = 0.05;
const INVALID = 0.005;
/** Of the events of the second shop's carts. */
const MARKED_CARTS = 0.05;
/** Marked views of the second shop, in the whole run: each is searched for, one request a second, so there must be few. */
const MARKED_VIEWS = 5;

interface Sown {
  readonly planned: Planned;
  readonly event: object;
}

function sow(
  { run }: Plan,
  shop: string,
  lane: string,
  n: number,
  glood: boolean,
  each: number,
  random: () => number,
): Sown {
  const [fate, kind, choice, mark, payload] = [random(), random(), random(), random(), noise(random)];
  // The first lane of the second shop has the marked views, evenly spread.
  const view = shop === two.shop && lane === 'lane1' && n % Math.ceil(each / MARKED_VIEWS) === 7;
  const type = !view && kind < 0.3 ? 'add_to_cart' : 'product_view';
  const marked = view || (shop === two.shop && type === 'add_to_cart' && mark < MARKED_CARTS);
  const analytics = glood && choice < 0.8 ? choice < 0.5 : undefined;
  const shape: Shape = { dialect: glood ? 'glood' : 'layers', type, marked, analytics };
  const planted = plant(run, shop, lane, n, payload, shape);
  const planned: Planned = { ...planted.mark, ...shape };
  if (marked || fate >= INVALID) return { planned, event: planted.event };
  const refused = fate < INVALID / 2 ? 'unknown_type' : 'invalid';
  return { planned: { ...planned, refused }, event: spoilt(planted.event, refused) };
}

/** The event, with what makes it refused. */
function spoilt(event: object, refused: 'unknown_type' | 'invalid'): object {
  if (refused === 'invalid') return { ...event, session_id: undefined };
  return 'event' in event
    ? { ...event, event: { ...Object(event.event), name: 'stars_counted' } }
    : { ...event, event_type: 'stars_counted' };
}

function orderOf({ shop, token }: (typeof shops)[number], glood: boolean, events: readonly object[]) {
  const [first = {}] = events;
  return glood ? gloodOrder(shop, token, first) : layersOrder(token, events);
}
