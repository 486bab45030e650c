import * as assert from 'uvu/assert';
import { gloodNames } from '../../adapters/dialects/glood/shapes.ts';
import { TestClock } from '../support/clock.ts';
import { describe } from '../support/describe.ts';
import { fixturesOf } from '../support/examples.ts';
import { until } from '../support/until.ts';
import { type Post, patiently, postFromPhone, RETRIES_MS, type Stack } from './mobile.ts';
import { GLOOD, LAYERS, OTHER_ORIGIN, openStage, run, type Stage } from './stage.ts';

interface Body {
  readonly event: { readonly id?: string; readonly name: string };
}

const to = { host: GLOOD, token: 'demo-token', shop: 'demo.myshopify.com' };
const fixtures = fixturesOf('glood').map(({ name, request, events }) => ({
  name,
  body: request.body as Body,
  type: events[0]?.event_type,
}));
const phones: readonly Stack[] = ['okhttp/4.12.0', 'Shop/41 CFNetwork/1498.700.2 Darwin/23.6.0'];

let made = 0;
/** The same example as another occurrence. */
const again = (body: Body): Body & { event: { id: string } } => ({
  ...body,
  event: { ...body.event, id: `glood-${++made}` },
});
const gloodPost = (body: unknown): Post => ({
  host: GLOOD,
  path: '/api/storefront/v3/headless/events',
  headers: { authorization: `Bearer ${to.token}`, 'x-shop': to.shop },
  body,
});
const viewed = { event: { name: 'page_viewed' }, session_id: 's1', channel: 'mobile' };
const unnamed = { event_type: 'product_view', timestamp: '2026-06-01T12:00:00Z', product_id: 7003338965178 };

describe('a Glood client, with the gateway in the place of Glood', ({ it, before, after, afterEach }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  afterEach(() => stage?.trouble({}));
  after(() => stage?.close());

  it('has examples of all 28 names', () => {
    assert.equal(new Set(fixtures.map(({ body }) => body.event.name)), new Set(gloodNames));
  });

  it('has each example stored from a page, which may read the answer', async () => {
    const page = await stage.visit();
    for (const { name, body, type } of fixtures) {
      const sent = again(body);
      const answer = await run(page, 'clients.glood', to, sent);
      assert.equal(answer, { status: 200, body: { ok: true }, accepted: '1' }, name);
      assert.is((await stage.event(sent.event.id)).event_type, type, name);
    }
  });

  it('is told in a page what is wrong with an event', async () => {
    const page = await stage.visit();
    const answer = await run<{ status: number; body: { message: string } }>(page, 'clients.glood', to, viewed);
    assert.is(answer.status, 400);
    assert.match(answer.body.message, /event\.id must be/);
  });

  it('is stopped where the page is of a foreign origin, which may not read why', async () => {
    const page = await stage.visit(OTHER_ORIGIN);
    const sent = again(viewed);
    const answered = stage.statuses().length;
    assert.match(await run<string>(page, 'clients.glood', to, sent).catch(String), /Failed to fetch/);
    assert.equal(stage.statuses().slice(answered), [403]);
    assert.is(await stage.stored(sent.event.id), undefined);
  });

  for (const phone of phones) {
    it(`has each example stored from a phone (${phone})`, async () => {
      for (const { name, body, type } of fixtures) {
        const sent = again(body);
        assert.is(await postFromPhone(stage.frontPort, phone, gloodPost(sent)), 200, name);
        assert.is((await stage.event(sent.event.id)).event_type, type, name);
      }
    });
  }

  /** Sends from a phone whose first attempts fail, waits as its clock goes on, and gives how many events that made. */
  const eventsOf = async (post: Post, trouble: Parameters<Stage['trouble']>[0]): Promise<number> => {
    const clock = new TestClock();
    const before = await stage.appended();
    stage.trouble(trouble);
    const sending = patiently(() => postFromPhone(stage.frontPort, 'okhttp/4.12.0', post), clock);
    for (const [failed, wait] of RETRIES_MS.entries()) {
      await until(() => clock.waits.length === failed + 1);
      if (wait === RETRIES_MS.at(-1)) stage.trouble({});
      await clock.advance(wait);
    }
    assert.is(await sending, RETRIES_MS.length + 1);
    assert.equal(clock.waits, [...RETRIES_MS]);
    return (await stage.appended()) - before;
  };

  it('makes one event with its retries after 1, 2, 4 and 8 s, where every answer but the last is lost', async () => {
    const answered = stage.statuses().length;
    for (const { name, body } of fixtures)
      assert.is(await eventsOf(gloodPost(again(body)), { answersLost: true }), 1, name);
    // All five attempts got through to the gateway.
    assert.equal(stage.statuses().slice(answered), Array(5 * fixtures.length).fill(200));
  });

  it('makes one event where the first attempts do not get through', async () => {
    assert.is(await eventsOf(gloodPost(again(viewed)), { down: true }), 1);
  });

  it('makes one event of attempts that all arrive at once', async () => {
    const before = await stage.appended();
    const post = gloodPost(again(viewed));
    const attempts = Array.from({ length: 5 }, () => postFromPhone(stage.frontPort, 'okhttp/4.12.0', post));
    assert.equal(await Promise.all(attempts), Array(5).fill(200));
    assert.is(await stage.appended(), before + 1);
  });

  it('makes one event of a Layers event without an id, sent again: it is known by its content', async () => {
    const path = '/beacon?token=demo-token';
    const events = [{ ...unnamed, session_id: 'phone' }];
    assert.is(await eventsOf({ host: LAYERS, path, headers: {}, body: { events } }, { answersLost: true }), 1);
    assert.is(await eventsOf({ host: LAYERS, path, headers: {}, body: { events } }, { down: true }), 0);
    const stored = await until(() => stage.events().find(({ session_id }) => session_id === 'phone'));
    assert.is(stored.id_source, 'derived');
  });

  it('makes one event of a page that tries again, whose answers were lost', async () => {
    const page = await stage.visit();
    // Asks the preflight while that can be answered.
    await run(page, 'clients.glood', to, again(viewed));
    const [before, answered] = [await stage.appended(), stage.statuses().length];
    stage.trouble({ answersLost: true });
    const waits = RETRIES_MS.map((wait) => wait / 20);
    const sending = run(page, 'clients.gloodPatiently', to, again(viewed), waits);
    await until(() => stage.statuses().length >= answered + 2);
    stage.trouble({});
    assert.equal(await sending, { status: 200, body: { ok: true }, accepted: '0' });
    assert.is(await stage.appended(), before + 1);
  });
});
