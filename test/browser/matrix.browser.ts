import type { BrowserContext, Frame, Page, Request } from 'playwright-core';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { beacon, type Call, glood } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { checkPart } from './part.ts';
import { runSdkRecipe } from './recipes.ts';
import { GLOOD, LAYERS, OTHER_ORIGIN, openStage, run, SHOP_ORIGIN, type Stage } from './stage.ts';

type Verdict = 'stored' | 'refused, preflight' | 'refused, 403' | '–';

interface To {
  readonly token: string;
  readonly shop: string;
}

/** A client and its transport: how it sends one event from a page, and how the same comes from what is no browser. */
interface Sender {
  readonly client: string;
  readonly transport: string;
  readonly fromPage?: (page: Page | Frame, to: To, id: string) => Promise<unknown>;
  readonly elsewhere?: (stage: Stage, id: string) => Promise<unknown>;
  /** What becomes of the event, by column. */
  readonly expected: readonly Verdict[];
}

/** Where an event comes from: a page of an origin, in a sandboxed frame or not, or no browser at all. */
interface Place {
  readonly heading: string;
  readonly to: To;
  readonly origin?: string;
  readonly framed?: boolean;
}

const demo: To = { token: 'demo-token', shop: 'demo.myshopify.com' };
const open: To = { token: 'open-token', shop: 'open.myshopify.com' };
const framed: To = { token: 'framed-token', shop: 'framed.myshopify.com' };

const places: readonly Place[] = [
  { heading: 'listed origin', to: demo, origin: SHOP_ORIGIN },
  { heading: 'another origin', to: demo, origin: OTHER_ORIGIN },
  { heading: 'any origin, none listed', to: open, origin: OTHER_ORIGIN },
  { heading: '`null`', to: demo, origin: SHOP_ORIGIN, framed: true },
  { heading: '`null`, none listed', to: open, origin: SHOP_ORIGIN, framed: true },
  { heading: '`null`, listed', to: framed, origin: SHOP_ORIGIN, framed: true },
  { heading: 'no `Origin`', to: demo },
];

const view = { event_type: 'product_view', timestamp: '2026-06-01T12:00:00Z', product_id: 7003338965178 };
const layersEvent = (id: string) => ({ ...view, event_id: id, session_id: id });
const sdkEvent = (id: string) => ({ eventType: 'product_view', eventId: id, sessionId: id, productId: 7003338965178 });
const gloodEvent = (id: string) => ({ event: { id, name: 'page_viewed' }, session_id: id });

const plain =
  (name: string) =>
  (page: Page | Frame, { token }: To, id: string) =>
    run(page, `clients.${name}`, { host: LAYERS, token }, [layersEvent(id)]);
const sent =
  (call: Call) =>
  ({ gatewayPort }: Stage, id: string) =>
    beacon(gatewayPort, [layersEvent(id)], call);

const byQuery = { path: '/beacon?token=demo-token', headers: { 'x-storefront-access-token': '' } };
const asText = { ...byQuery, headers: { ...byQuery.headers, 'content-type': 'text/plain;charset=UTF-8' } };

/** Where the token is in the URL, the preflight already knows the shop and its origins. */
const knownAtPreflight: readonly Verdict[] = [
  'stored',
  'refused, preflight',
  'stored',
  'refused, preflight',
  'refused, preflight',
  'stored',
];
/** Where it is in a header, or where there is no preflight, the request itself is refused. */
const knownAtRequest: readonly Verdict[] = [
  'stored',
  'refused, 403',
  'stored',
  'refused, 403',
  'refused, 403',
  'stored',
];
const noPage: readonly Verdict[] = places.slice(1).map(() => '–');

const senders: readonly Sender[] = [
  {
    client: 'Layers SDK',
    transport: '`sendBeacon`',
    fromPage: (page, { token }, id) => run(page, 'clients.sdk', sdkEvent(id), token),
    expected: [...knownAtPreflight, '–'],
  },
  {
    client: 'Layers SDK',
    transport: '`fetch`, where there is no `sendBeacon`',
    fromPage: async (page, { token }, id) => {
      await run(page, 'clients.noBeacons');
      await run(page, 'clients.sdk', sdkEvent(id), token);
    },
    elsewhere: ({ gatewayPort }, id) => runSdkRecipe('Node', id, gatewayPort),
    expected: [...knownAtPreflight, 'stored'],
  },
  {
    client: 'Layers SDK in React Native',
    transport: '`fetch`',
    elsewhere: ({ gatewayPort }, id) => runSdkRecipe('React Native', id, gatewayPort),
    expected: [...noPage, 'stored'],
  },
  {
    client: 'page code',
    transport: '`sendBeacon`, a Blob of JSON',
    fromPage: plain('jsonBeacon'),
    elsewhere: sent(byQuery),
    expected: [...knownAtPreflight, 'stored'],
  },
  {
    client: 'page code',
    transport: '`sendBeacon`, a string',
    fromPage: plain('textBeacon'),
    elsewhere: sent(asText),
    expected: [...knownAtRequest, 'stored'],
  },
  {
    client: 'page code',
    transport: '`fetch` with `keepalive`',
    fromPage: plain('keptAliveFetch'),
    elsewhere: sent(byQuery),
    expected: [...knownAtPreflight, 'stored'],
  },
  {
    client: 'page code',
    transport: '`XMLHttpRequest` with credentials, token in the header',
    fromPage: plain('xhr'),
    elsewhere: sent({}),
    expected: [...knownAtRequest, 'stored'],
  },
  {
    client: 'Glood client',
    transport: '`fetch`',
    fromPage: (page, to, id) => run(page, 'clients.glood', { host: GLOOD, ...to }, gloodEvent(id)),
    elsewhere: ({ gatewayPort }, id) => glood(gatewayPort, gloodEvent(id)),
    expected: [...knownAtRequest, 'stored'],
  },
];

describe('what becomes of an event, by client, transport and origin', ({ it, before, after }) => {
  let stage: Stage;
  const contexts = new Map<string, BrowserContext>();
  const found: Verdict[][] = senders.map(() => []);
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());

  /** A page there, or the frame in it. */
  const arrive = async ({ heading, origin, framed }: Place): Promise<Page | Frame> => {
    const context = contexts.get(heading) ?? (await stage.browser.newContext());
    contexts.set(heading, context);
    const page = await context.newPage();
    await page.goto(`${origin}${framed ? '/frame.html' : '/shop.html'}`);
    return framed ? until(() => page.frames().find((frame) => frame.url().endsWith('/shop.html'))) : page;
  };

  const sendFrom = async (sender: Sender, place: Place, id: string): Promise<void> => {
    if (place.origin === undefined) return void (await sender.elsewhere?.(stage, id));
    const page = await arrive(place);
    const context = contexts.get(place.heading)!;
    const ours = { predicate: (request: Request) => request.method() === 'POST' };
    const ended = Promise.race([
      context.waitForEvent('requestfinished', ours),
      context.waitForEvent('requestfailed', ours),
    ]);
    // What the page is told is not believed: a refused fetch fails, a refused beacon does not.
    await Promise.all([ended, sender.fromPage?.(page, place.to, id).catch(() => undefined)]);
  };

  const verdictOf = async (sender: Sender, place: Place, id: string): Promise<Verdict> => {
    if (!(place.origin === undefined ? sender.elsewhere : sender.fromPage)) return '–';
    const before = stage.statuses().length;
    await sendFrom(sender, place, id);
    if (await stage.stored(id)) return 'stored';
    const [status] = stage.statuses().slice(before);
    return status === undefined ? 'refused, preflight' : (`refused, ${status}` as Verdict);
  };

  for (const [row, sender] of senders.entries()) {
    const { client, transport, expected } = sender;
    it(`${client}, ${transport}`, async () => {
      for (const [column, place] of places.entries()) {
        const verdict = await verdictOf(sender, place, `matrix-${row}-${column}`);
        found[row]?.push(verdict);
        assert.is(verdict, expected[column], place.heading);
      }
    });
  }

  // By the Fetch standard a plain request without a referrer says `Origin: null`. Chromium says who it is.
  it('page code, `sendBeacon`, a string, from a page that hides its referrer', async () => {
    const before = await stage.appended();
    const page = await stage.visit(SHOP_ORIGIN, '/shop.html?referrer=no-referrer');
    await plain('textBeacon')(page, demo, 'without-referrer');
    await until(() => stage.stored('without-referrer'));
    assert.is(await stage.appended(), before + 1);
  });

  it('has stored those and nothing else', async () => {
    const stored = found.flat().filter((verdict) => verdict === 'stored');
    assert.is(await stage.appended(), stored.length + 1);
  });

  it('is what adapters/dialects/BROWSERS.md says (npm run test:browser -- --write)', () => {
    assert.equal(
      found,
      senders.map(({ expected }) => expected),
    );
    const heading = ['Client', 'Transport', ...places.map(({ heading }) => heading)];
    const rows = senders.map(({ client, transport }, row) => [client, transport, ...(found[row] ?? [])]);
    checkPart('browser', [heading, heading.map(() => '---'), ...rows]);
  });
});
