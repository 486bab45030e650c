import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';
import { runSdkRecipe } from './recipes.ts';
import { LAYERS, OWN, openStage, run, SHOP_ORIGIN, type Stage } from './stage.ts';

let made = 0;
const id = () => `recipe-${++made}`;
const ok = { data: { ok: true }, error: null };
const stored = { data: null, error: null };

describe('the code that adapters/dialects/BROWSERS.md gives to pages and apps', ({ it, before, after, afterEach }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    for (const context of stage?.browser.contexts() ?? []) await context.close();
  });
  after(() => stage?.close());

  /** The hosts that a shopper's events were sent to, service workers' requests included. */
  const hostsAsked = (page: Page): Set<string> => {
    const hosts = new Set<string>();
    page.context().on('requestfinished', (request) => {
      const { host, pathname } = new URL(request.url());
      if (pathname === '/beacon') hosts.add(host);
    });
    return hosts;
  };

  it('sends what the SDK tracks in Node to the gateway', async () => {
    const event = id();
    assert.is(await runSdkRecipe('Node', event, stage.gatewayPort), 'stored');
    assert.is((await stage.event(event)).product_id, '7003338965178');
  });

  it('sends what the SDK tracks in React Native, where it is known for an app', async () => {
    const event = id();
    assert.is(await runSdkRecipe('React Native', event, stage.gatewayPort), 'stored');
    assert.is((await stage.event(event)).shopping_channel, 'app');
  });

  it('takes the ids that the SDK makes up where there is no crypto', async () => {
    const before = stage.events().length;
    assert.is(await runSdkRecipe('React Native', undefined, stage.gatewayPort), 'stored');
    const event = await until(() => stage.events()[before]);
    assert.match(event.event_id, /^evt-\d+-\w+$/);
    assert.is(event.id_source, 'client');
  });

  it('says so where the gateway does not answer', async () => {
    const nobody = 1;
    assert.match(await runSdkRecipe('Node', id(), nobody), /^not stored: fetch failed/);
    assert.match(await runSdkRecipe('React Native', id(), nobody), /^not stored: Network request failed/);
  });

  it('sends the beacons of the SDK to the gateway, and what there is no room for', async () => {
    const page = await stage.visit();
    const hosts = hostsAsked(page);
    const [event, more] = [id(), id()];
    assert.equal(await run(page, 'clients.sdkOfRecipe', event), ok);
    await stage.event(event);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await run(other, 'clients.noRoomForBeacons');
    assert.equal(await run(other, 'clients.sdkOfRecipe', more), stored);
    await stage.event(more);
    assert.equal([...hosts], [OWN]);
  });

  it('needs the gateway in the connect-src of a Content-Security-Policy', async () => {
    const self = "script-src 'self' 'unsafe-inline'; connect-src 'self' https:";
    const [open, shut] = [self, self.replace('https:', `https://${LAYERS}`)].map(encodeURIComponent);
    const [letIn, keptOut] = [id(), id()];
    await run(await stage.visit(SHOP_ORIGIN, `/shop.html?csp=${shut}`), 'clients.sdkOfRecipe', keptOut);
    await run(await stage.visit(SHOP_ORIGIN, `/shop.html?csp=${open}`), 'clients.sdkOfRecipe', letIn);
    await stage.event(letIn);
    await until(() => stage.quietMs() > 500);
    assert.is(await stage.stored(keptOut), undefined);
  });

  it('sends the beacons of a page that cannot be changed, by a service worker', async () => {
    const page = await stage.visit();
    const hosts = hostsAsked(page);
    await run(page, 'clients.register', '/service_worker.js');
    await page.goto(`${SHOP_ORIGIN}/shop.html`);
    const [event, more] = [id(), id()];
    assert.equal(await run(page, 'clients.sdk', { eventType: 'search', query: 'ring', eventId: event }), ok);
    await stage.event(event);
    await run(page, 'clients.noBeacons');
    assert.equal(await run(page, 'clients.sdk', { eventType: 'search', query: 'ring', eventId: more }), stored);
    await stage.event(more);
    // The page's own requests are to Layers; the worker answers them with the gateway's.
    assert.equal([...hosts].sort(), [LAYERS, OWN]);
    assert.is(stage.statuses().length, stage.events().length);
  });

  it('keeps events over a time without a connection, and sends them when it is back', async () => {
    const page = await stage.visit(SHOP_ORIGIN, '/outbox.html');
    const [lost, after] = [id(), id()];
    await page.context().setOffline(true);
    await run(page, 'clients.track', { event_type: 'product_view', session_id: 's', product_id: 1, event_id: lost });
    await page.context().setOffline(false);
    await run(page, 'clients.track', { event_type: 'product_view', session_id: 's', product_id: 1, event_id: after });
    await stage.event(lost);
    await stage.event(after);
    await until(async () => (await page.evaluate('localStorage.length')) === 0);
  });

  it('keeps events while the gateway cannot store, or its answers are lost, and has each stored once', async () => {
    const page = await stage.visit(SHOP_ORIGIN, '/outbox.html');
    const event = id();
    stage.trouble({ answersLost: true });
    await run(page, 'clients.track', { event_type: 'product_view', session_id: 's', product_id: 1, event_id: event });
    await until(async () => (await page.evaluate('localStorage.length')) === 1);
    stage.trouble({});
    await stage.event(event);
    await until(async () => (await page.evaluate('localStorage.length')) === 0);
    assert.is(stage.events().filter(({ event_id }) => event_id === event).length, 1);
  });
});
