import * as assert from 'uvu/assert';
import { LogUnavailable } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { createOverview } from '../../../server/operate/overview.ts';
import { storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { call, configOf, gatewayWith, SHOP } from '../../support/gateway.ts';
import { type Postgres, startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';

describe('how all pipelines do', ({ it }) => {
  const bench = () => {
    let [time, asked, ms] = [0, 0, 0];
    let fails = false;
    const overview = createOverview({
      ...openMemory(storeOptions()),
      shops: () => [SHOP],
      statuses: async () => {
        asked += 1;
        time += ms;
        if (fails) throw new LogUnavailable('away');
        return [];
      },
      now: () => time,
    });
    return {
      overview,
      asked: () => asked,
      pass: (forMs: number) => {
        time += forMs;
      },
      takes: (each: number) => {
        ms = each;
      },
      fail: (now: boolean) => {
        fails = now;
      },
    };
  };

  it('is asked of the log once for all who ask at the same time, and given again for ten times as long as that took', async () => {
    const { overview, asked, pass, takes } = bench();
    takes(20);
    await Promise.all([overview.ask(), overview.ask()]);
    pass(199);
    await overview.ask();
    assert.is(asked(), 1);
    pass(1);
    takes(5000);
    await overview.ask();
    assert.is(asked(), 2);
    pass(999);
    await overview.ask();
    assert.is(asked(), 2);
    pass(1);
    await overview.ask();
    assert.is(asked(), 3);
    overview.forget();
    await overview.ask();
    assert.is(asked(), 4);
  });

  it('is asked for anew where the log could not be asked', async () => {
    const { overview, fail } = bench();
    fail(true);
    await overview.ask().then(
      () => assert.unreachable('the log was away'),
      (error: unknown) => assert.instance(error, LogUnavailable),
    );
    fail(false);
    assert.is((await overview.ask()).balance.balanced, true);
  });
});

describe('many pipelines on PostgreSQL', ({ it, before, after }) => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres({ settings: { log_statement: 'all', log_line_prefix: '<%p>' }, inMemory: true });
  });
  after(() => postgres.stop());

  /** What the connection for operators was asked since a moment. */
  const asked = (since: number): string[] => {
    const log = postgres.log();
    const standings = /<(\d+)>LOG: {2}execute [^\n]*\n? *select s\.name, s\.received/g;
    // Each gateway has its own; this is the last one's.
    const side = [...log.matchAll(standings)].at(-1)?.[1];
    assert.ok(side, 'the connection that is asked for standings');
    return log
      .slice(since)
      .split('\n')
      .filter((line) => new RegExp(`^<${side}>LOG: {2}(execute|statement)`).test(line));
  };
  const pipelines = (count: number, folder: string) =>
    Array.from({ length: count }, (_, n) => `{ id: p${n}, destination: { type: file, directory: ${folder} } }`).join();
  const config = (count: number, folder = 'w/overview') =>
    `shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [${pipelines(count, folder)}] }]`;

  for (const count of [1, 40]) {
    it(`cost /readyz and /metrics five questions at most, if there are ${count}`, async () => {
      const gateway = await gatewayWith(config(count), { LOG_URL: await postgres.createDatabase() });
      const get = async (path: string) => (await call(gateway.port, { method: 'GET', path })).body;
      const waiting = async () => {
        const { pipelines: all } = JSON.parse(await get('/readyz')) as { pipelines: { state: string }[] };
        return all.length === count && all.every(({ state }) => state === 'idle');
      };
      try {
        await until(waiting);
        await new Promise((resolve) => setTimeout(resolve, 1100));
        const mark = postgres.log().length;
        await Promise.all(['/readyz', '/metrics', '/readyz'].map(get));
        const statements = asked(mark);
        const looks = statements.filter((line) => line.includes('select s.name, s.received')).length;
        assert.ok(looks >= 1 && looks <= 3, `${looks} looks`);
        assert.ok(statements.length <= 5 * looks, statements.join('\n'));
      } finally {
        await gateway.stop();
      }
    });
  }

  it('begin with two questions, however many a reload brings', async () => {
    const gateway = await gatewayWith(config(1), { LOG_URL: await postgres.createDatabase(), PROCESS: 'web' });
    try {
      const mark = postgres.log().length;
      await gateway.reload(configOf(config(41)));
      const begun = postgres
        .log()
        .slice(mark)
        .split('\n')
        .filter((line) =>
          /execute.*(from unnest\(\$1::text\[\], \$2::text\[\]\) k|insert into headless_events.pipelines|select k.shop)/.test(
            line,
          ),
        );
      assert.is(begun.length, 2, begun.join('\n'));
    } finally {
      await gateway.stop();
    }
  });

  it('start and end with a few statements, however many they are', async () => {
    const url = await postgres.createDatabase();
    const mark = postgres.log().length;
    const gateway = await gatewayWith(config(300), { LOG_URL: url });
    const count = (text: RegExp) => postgres.log().slice(mark).match(text)?.length ?? 0;
    const moved = async () =>
      (
        await postgres.query<{ moved: number }>(url, 'select count(owner)::int as moved from headless_events.pipelines')
      )[0]?.moved;
    try {
      await until(async () => (await moved()) === 300);
      await until(async () => (await postgres.query(url, 'select from headless_events.rules')).length === 300);
      // Each is stopped, and started as it is now.
      await gateway.reload(configOf(config(300, 'w/other')));
      await until(async () => (await moved()) === 300);
      // All but one are removed, and owe nothing.
      const before = postgres.log().length;
      await gateway.reload(configOf(config(1, 'w/other')));
      await until(async () => {
        const settled = `select from headless_events.pipelines where progress::jsonb->'left'->>'settled' = 'finished'`;
        return (await postgres.query(url, settled)).length === 299;
      });
      const changes = postgres
        .log()
        .slice(before)
        .match(/update headless_events\.pipelines (p )?set progress/g);
      assert.ok(Number(changes?.length) <= 10, `${changes?.length} changes of what left`);
    } finally {
      await gateway.stop();
    }
    const statements = [/select r\.rule from/g, /insert into headless_events\.rules/g, /set owner = null/g].map(count);
    assert.ok(Math.max(...statements) <= 100, `${statements} statements`);
  });
});
