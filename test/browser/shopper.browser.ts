import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';
import { openStage, run, type Stage } from './stage.ts';

let made = 0;
const view = () => ({ eventId: `shopper-${++made}`, eventType: 'product_view', productId: 7003338965178 });

const unsent = { data: null, error: { message: 'Failed to fetch' } };

describe('a shopper whose page sends with the Layers SDK', ({ it, before, after, afterEach }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    stage?.trouble({});
    for (const context of stage?.browser.contexts() ?? []) await context.close();
  });
  after(() => stage?.close());

  const follow = async (page: Page, path: string) => {
    await page.evaluate(`location.href = '${path}'`);
    await page.waitForURL(`**${path}`);
  };

  it('loses nothing that the SDK has taken, where the page goes away in the middle', async () => {
    const page = await stage.visit();
    const event = view();
    // Ends with the page, so there is nothing to wait for.
    run(page, 'clients.sdkWhileLeaving', event, 20).catch(() => undefined);
    await page.waitForURL('**/next.html');
    const sent = Number(await page.evaluate(`sessionStorage.getItem('sent')`));
    assert.ok(sent >= 20, String(sent));
    for (let count = 1; count <= sent; count += 1) await stage.event(`${event.eventId}-${count}`);
  });

  it('has what is sent on pagehide stored, also when the tab is closed', async () => {
    const [followed, closed] = [view(), view()];
    const page = await stage.visit();
    await run(page, 'clients.sdkOnLeaving', followed);
    await follow(page, '/next.html');
    await stage.event(followed.eventId);
    await run(page, 'clients.sdkOnLeaving', closed);
    await page.close({ runBeforeUnload: true });
    await stage.event(closed.eventId);
  });

  it('may use two tabs at once: each event is stored once, and one that both send too', async () => {
    const first = await stage.visit();
    const second = await first.context().newPage();
    await second.goto(first.url());
    const shared = view();
    const own = Array.from({ length: 40 }, view);
    const [before, answered] = [await stage.appended(), stage.statuses().length];
    await Promise.all(
      [first, second].map(async (tab, at) => {
        for (const event of own.filter((_, index) => index % 2 === at)) await run(tab, 'clients.sdk', event);
        await run(tab, 'clients.sdk', shared);
      }),
    );
    await until(() => stage.statuses().length === answered + own.length + 2);
    for (const { eventId } of [...own, shared]) await stage.event(eventId);
    assert.is(await stage.appended(), before + own.length + 1);
  });

  it('comes back by the back button to a page that was kept whole, and that goes on sending', async () => {
    const page = await stage.visit();
    await page.evaluate(`addEventListener('pageshow', ({ persisted }) => { globalThis.kept = persisted })`);
    const events = [view(), view(), view()] as const;
    await run(page, 'clients.sdk', events[0]);
    await follow(page, '/next.html');
    await run(page, 'clients.sdk', events[1]);
    await page.goBack({ waitUntil: 'commit' });
    assert.is(await page.evaluate('globalThis.kept'), true);
    assert.equal(await run(page, 'clients.sdk', events[2]), { data: { ok: true }, error: null });
    for (const { eventId } of events) await stage.event(eventId);
  });

  it('loses the beacons of the time without a connection, which the SDK calls sent; afterwards it goes on', async () => {
    const page = await stage.visit();
    const [before, lost, after] = [view(), view(), view()];
    await run(page, 'clients.sdk', before);
    await stage.event(before.eventId);
    await page.context().setOffline(true);
    const failed = page.context().waitForEvent('requestfailed');
    assert.equal(await run(page, 'clients.sdk', lost), { data: { ok: true }, error: null });
    assert.is((await failed).failure()?.errorText, 'net::ERR_INTERNET_DISCONNECTED');
    await page.context().setOffline(false);
    await run(page, 'clients.sdk', after);
    await stage.event(after.eventId);
    assert.is(await stage.stored(lost.eventId), undefined);
  });

  it('is told by the fetch path of what did not get through, and may send it again', async () => {
    const page = await stage.visit();
    await run(page, 'clients.noBeacons');
    const event = view();
    await run(page, 'clients.sdk', view());
    await page.context().setOffline(true);
    assert.equal(await run(page, 'clients.sdk', event), unsent);
    await page.context().setOffline(false);
    stage.trouble({ down: true });
    assert.equal(await run(page, 'clients.sdk', event), unsent);
    assert.is(await stage.stored(event.eventId), undefined);
    stage.trouble({});
    assert.equal(await run(page, 'clients.sdk', event), { data: null, error: null });
    await stage.event(event.eventId);
  });

  it('has an event once that was sent again because its answer was lost', async () => {
    const page = await stage.visit();
    await run(page, 'clients.noBeacons');
    const event = view();
    // Asks the preflight while that can be answered.
    await run(page, 'clients.sdk', view());
    const before = await stage.appended();
    stage.trouble({ answersLost: true });
    assert.equal(await run(page, 'clients.sdk', event), unsent);
    await stage.event(event.eventId);
    stage.trouble({});
    assert.equal(await run(page, 'clients.sdk', event), { data: null, error: null });
    assert.is(await stage.appended(), before + 1);
  });
});
