import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';
import { checkPart } from './part.ts';
import { LAYERS, openStage, run, SHOP_ORIGIN, type Stage, TOKENS } from './stage.ts';

const RUNS = TOKENS.length - 1;
/** Tabs at once: as many as two cores run without keeping each other waiting. */
const TABS = 4;
const COUNT = 50;
const KEPT_ALIVE_BYTES = 64 * 1024;

type Verdict = 'all 50' | 'what fits into 64 KiB' | 'none' | 'not promised';

interface Way {
  readonly name: string;
  readonly way: string;
  /** What is stored: followed a link (in every run), closed the tab, closed the tab with events of 2 KB. */
  readonly expected: readonly [followed: Verdict, closed: Verdict, large: Verdict];
}

const ways: readonly Way[] = [
  {
    name: 'Layers SDK, a call for each',
    way: 'sdk',
    expected: ['all 50', 'all 50', 'what fits into 64 KiB'],
  },
  { name: 'Layers SDK, one call for all', way: 'sdkTogether', expected: ['all 50', 'all 50', 'none'] },
  { name: 'Layers SDK without `sendBeacon`', way: 'sdkByFetch', expected: ['not promised', 'none', 'none'] },
  {
    name: '`sendBeacon`, a Blob of JSON each',
    way: 'jsonBeacon',
    expected: ['all 50', 'all 50', 'what fits into 64 KiB'],
  },
  { name: '`sendBeacon`, a string each', way: 'textBeacon', expected: ['all 50', 'all 50', 'what fits into 64 KiB'] },
  {
    name: '`fetch` with `keepalive` for each',
    way: 'keptAliveFetch',
    expected: ['all 50', 'all 50', 'what fits into 64 KiB'],
  },
  {
    name: "`sendBeacon`, else `fetch` with `keepalive`, as Layers' guide has it",
    way: 'beaconOrFetch',
    expected: ['all 50', 'all 50', 'what fits into 64 KiB'],
  },
  { name: 'the code below', way: 'outbox', expected: ['all 50', 'all 50', 'all 50'] },
];

let made = 0;
const fifty = (padding: number) => {
  made += 1;
  return Array.from({ length: COUNT }, (_, index) => ({
    event_id: `leaving-${made}-${index}`,
    event_type: 'product_view',
    timestamp: new Date().toISOString(),
    session_id: `leaving-${made}`,
    product_id: 7003338965178,
    query: 'x'.repeat(padding),
  }));
};
/** The page that a shopper sees next. */
const nextOf = (way: string): string => (way === 'outbox' ? '/outbox.html' : '/next.html');
type Events = ReturnType<typeof fifty>;

describe('a page that sends 50 events and is gone at once', ({ it, before, after, afterEach }) => {
  let stage: Stage;
  const found: Verdict[][] = ways.map(() => []);
  before(async () => {
    stage = await openStage();
  });
  afterEach(async () => {
    stage?.trouble({});
    for (const context of stage?.browser.contexts() ?? []) await context.close();
  });
  after(() => stage?.close());

  const storedOf = (events: Events): number => {
    const stored = new Set(stage.events().map(({ event_id }) => event_id));
    return events.filter(({ event_id }) => stored.has(event_id)).length;
  };
  const allStored = (events: Events) => until(() => storedOf(events) === COUNT, 30_000);

  /** Leaves a page by a link again and again, each time with the preflight still to be asked. */
  const followLinks = async (way: string, tokens: readonly string[]): Promise<void> => {
    const next = nextOf(way);
    const page = await stage.visit();
    for (const token of tokens) {
      await page.goto(`${SHOP_ORIGIN}/shop.html`);
      await run(page, 'clients.prepare', way, { host: LAYERS, token });
      const events = fifty(0);
      // Its answer goes with the page.
      run(page, 'clients.sendAllAndLeave', events, next).catch(() => undefined);
      await page.waitForURL(`**${next}`);
      await allStored(events);
    }
  };

  const closeTab = async (way: string, padding: number): Promise<Events> => {
    const page = await stage.visit();
    await run(page, 'clients.prepare', way, { host: LAYERS, token: 'demo-token' });
    const events = fifty(padding);
    await run(page, 'clients.sendAll', events);
    const closed = page.waitForEvent('close');
    await page.close({ runBeforeUnload: true });
    await closed;
    await (await page.context().newPage()).goto(`${SHOP_ORIGIN}${nextOf(way)}`);
    return events;
  };

  for (const [row, { name, way, expected }] of ways.entries()) {
    it(
      `by a link: ${name}`,
      async () => {
        const tabs = Array.from({ length: TABS }, (_, tab) =>
          TOKENS.slice(1).filter((_, index) => index % TABS === tab),
        );
        if (expected[0] !== 'not promised') await Promise.all(tabs.map((tokens) => followLinks(way, tokens)));
        found[row]?.push(expected[0]);
      },
      { timeoutMs: 60_000 },
    );
  }

  for (const [column, padding] of [
    [1, 0],
    [2, 2000],
  ] as const) {
    it(
      `by closing its tab: ${padding} bytes more an event`,
      async () => {
        stage.trouble({ held: true });
        const sent = await Promise.all(ways.map(({ way }) => closeTab(way, padding)));
        await until(() => stage.quietMs() > 1_000, 30_000);
        stage.trouble({});
        // What must come is waited for; of what must not, nothing may be on its way any more.
        for (const [row, { expected }] of ways.entries()) {
          const [least] = counts(expected[column], sent[row]!);
          await until(() => storedOf(sent[row]!) >= least || stage.quietMs() > 10_000, 60_000);
        }
        await until(() => stage.quietMs() > 1_000, 30_000);
        for (const [row, { name, expected }] of ways.entries()) {
          const stored = storedOf(sent[row]!);
          const [least, most] = counts(expected[column], sent[row]!);
          assert.ok(stored >= least && stored <= most, `${name}: ${stored} stored, expected ${expected[column]}`);
          found[row]?.push(expected[column]);
        }
      },
      { timeoutMs: 90_000 },
    );
  }

  it('never makes two events of one', () => {
    const ids = stage.events().map(({ event_id }) => event_id);
    assert.is(new Set(ids).size, ids.length);
  });

  it('loses what adapters/dialects/BROWSERS.md says (npm run test:browser -- --write)', () => {
    assert.equal(
      found,
      ways.map(({ expected }) => [...expected]),
    );
    const heading = [
      '50 events',
      `a link is followed, ${RUNS} times`,
      'the tab is closed',
      'the tab is closed, 2 KB an event',
    ];
    checkPart('leaving', [
      heading,
      heading.map(() => '---'),
      ...ways.map(({ name }, row) => [name, ...(found[row] ?? [])]),
    ]);
  });
});

/** How many of these events may be stored, at least and at most. */
function counts(verdict: Verdict, events: Events): readonly [number, number] {
  switch (verdict) {
    case 'all 50':
      return [COUNT, COUNT];
    case 'none':
      return [0, 0];
    case 'not promised':
      return [0, COUNT];
    case 'what fits into 64 KiB': {
      const bytes = JSON.stringify({ events: events.slice(0, 1) }).length;
      // Chromium counts the URL and the headers of some as well.
      return [Math.floor(KEPT_ALIVE_BYTES / (bytes + 700)), Math.floor(KEPT_ALIVE_BYTES / bytes)];
    }
  }
}
