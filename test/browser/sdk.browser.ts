import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';
import { openStage, run, type Stage } from './stage.ts';

/** What the SDK's trackingEvent takes; its own types do not resolve here. */
interface TrackingEventInput {
  readonly eventType: string;
  readonly attributionToken?: string;
  readonly productId?: number;
  readonly variantId?: number;
  readonly collectionHandle?: string;
  readonly blockId?: string;
  readonly searchId?: string;
  readonly query?: string;
  readonly position?: number;
}

interface Said {
  readonly data: unknown;
  readonly error: { readonly message: string; readonly status?: number; readonly body?: unknown } | null;
}

const product = { productId: 7003338965178, attributionToken: '2y10smI2dB7XZXXFJsLUELltgueq8NRd' };

/** A call for each of the SDK's event types, with everything that the type is about. */
const calls: readonly TrackingEventInput[] = [
  { eventType: 'product_view', ...product, variantId: 41218393342138 },
  { eventType: 'product_click', ...product, position: 3 },
  { eventType: 'product_impression', ...product, position: 1 },
  { eventType: 'product_hover', ...product, position: 12 },
  { eventType: 'product_touch', ...product, position: 2 },
  { eventType: 'add_to_cart', ...product, variantId: 41218393342138 },
  { eventType: 'collection_view', collectionHandle: 'summer' },
  { eventType: 'search', query: 'gold ring', searchId: 'search-1' },
  { eventType: 'autocomplete', query: 'go' },
  { eventType: 'block_view', blockId: 'block-1', attributionToken: product.attributionToken },
];

let made = 0;
const named = (event: TrackingEventInput): TrackingEventInput & { eventId: string } => ({
  ...event,
  eventId: `sdk-${++made}`,
});
const views = (count: number) => Array.from({ length: count }, () => named({ eventType: 'product_view', ...product }));

/** How an event of the SDK lies in the pipeline. */
const asStored = ({ eventId, eventType, productId, variantId, ...rest }: ReturnType<typeof named>) => {
  const { collectionHandle, attributionToken, blockId, searchId, position, query } = rest;
  const fields = {
    event_id: eventId,
    event_type: eventType,
    session_id: 'session-of-the-shopper',
    device_id: 'device-of-the-shopper',
    product_id: productId?.toString(),
    variant_id: variantId?.toString(),
    collection_handle: collectionHandle,
    attribution_token: attributionToken,
    block_id: blockId,
    search_id: searchId,
    position,
    query,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
};

const ok = { data: { ok: true }, error: null };
const transports = [
  // A beacon's answer cannot be read: all that the SDK can say is that the browser took it.
  { name: 'sendBeacon', prepare: undefined, success: ok },
  { name: 'fetch, without sendBeacon', prepare: 'clients.noBeacons', success: { data: null, error: null } },
  { name: "the SDK's own fetch by XMLHttpRequest", prepare: 'clients.byXhr', success: { data: null, error: null } },
  {
    name: 'fetch, where sendBeacon has no room',
    prepare: 'clients.noRoomForBeacons',
    success: { data: null, error: null },
  },
];

describe('the Layers SDK in Chromium, with the gateway in the place of Layers', ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());

  const arrives = async (call: ReturnType<typeof named>) => {
    const event: Record<string, unknown> = { ...(await stage.event(call.eventId)) };
    const expected = asStored(call);
    assert.equal(Object.fromEntries(Object.keys(expected).map((key) => [key, event[key]])), expected);
    assert.is(event.shopping_channel, 'web');
    assert.is(event.extra, undefined);
  };

  for (const { name, prepare, success } of transports) {
    const open = async (): Promise<Page> => {
      const page = await stage.visit();
      if (prepare) await run(page, prepare);
      return page;
    };

    it(`has each of the ten types stored, one by one (${name})`, async () => {
      const page = await open();
      for (const call of calls.map(named)) {
        assert.equal(await run<Said>(page, 'clients.sdk', call), success, call.eventType);
        await arrives(call);
      }
      await page.context().close();
    });

    it(`has all ten stored from one call (${name})`, async () => {
      const page = await open();
      const batch = calls.map(named);
      assert.equal(await run<Said>(page, 'clients.sdk', batch), success);
      for (const call of batch) await arrives(call);
      await page.context().close();
    });

    it(`has a hundred stored from one call (${name})`, async () => {
      const page = await open();
      const batch = views(100);
      assert.equal(await run<Said>(page, 'clients.sdk', batch), success);
      for (const call of batch) await arrives(call);
      await page.context().close();
    });
  }

  it('asks by preflight before its beacon, and only once', async () => {
    const page = await stage.visit();
    const session = await page.context().newCDPSession(page);
    const asked: string[] = [];
    await session.send('Network.enable');
    session.on('Network.responseReceived', ({ type, response }) => {
      if (response.url.includes('/beacon')) asked.push(`${type} ${response.status}`);
    });
    for (const call of views(2)) {
      await run(page, 'clients.sdk', call);
      await stage.event(call.eventId);
    }
    assert.equal(await until(() => asked.length >= 3 && asked), ['Preflight 204', 'Ping 201', 'Ping 201']);
    await page.context().close();
  });

  it('makes up ids and times that the gateway takes', async () => {
    const page = await stage.visit();
    await run(page, 'clients.noBeacons');
    const before = stage.events().length;
    assert.equal(await run<Said>(page, 'clients.sdk', { eventType: 'search', query: 'made up' }), {
      data: null,
      error: null,
    });
    const event = await until(() => stage.events()[before]);
    assert.match(event.event_id, /^[0-9a-f-]{36}$/);
    assert.is(event.id_source, 'client');
    assert.ok(Math.abs(Date.parse(event.timestamp) - Date.now()) < 60_000);
    await page.context().close();
  });

  it('has events stored by a shop that answers 204, for clients built on the older contract', async () => {
    const page = await stage.visit();
    const [beacon, fetched] = [named(calls[0]!), named(calls[1]!)];
    assert.equal(await run<Said>(page, 'clients.sdk', beacon, 'older-token'), ok);
    await run(page, 'clients.noBeacons');
    assert.equal(await run<Said>(page, 'clients.sdk', fetched, 'older-token'), ok);
    for (const { eventId } of [beacon, fetched]) await until(() => stage.stored(eventId));
    await page.context().close();
  });

  it('is told what Layers tells it: an unknown token, and more than a hundred events', async () => {
    const page = await stage.visit();
    await run(page, 'clients.noBeacons');
    const unknown = await run<Said>(page, 'clients.sdk', views(1), 'wrong-token');
    assert.is(unknown.error?.status, 401);
    assert.equal(unknown.error?.body, { error: 'Unauthenticated' });
    const many = await run<Said>(page, 'clients.sdk', views(101));
    assert.is(many.error?.status, 422);
    assert.match(JSON.stringify(many.error?.body), /"errors":\[".*101/);
    await page.context().close();
  });
});
