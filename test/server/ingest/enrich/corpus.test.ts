import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { createEnricher } from '../../../../server/ingest/enrich/enrich.ts';
import { describe } from '../../../support/describe.ts';

/** A browser that was seen, with what it said of itself outside of its User-Agent. */
interface Seen {
  readonly userAgent: string;
  readonly platform: string;
  readonly vendor: string;
  readonly screenWidth: number;
  readonly screenHeight: number;
}

interface Crawler {
  readonly instances: readonly string[];
}

const read = <T>(path: string): T => JSON.parse(readFileSync(`node_modules/${path}`, 'utf8'));
const seen = read<Seen[]>('user-agents/dist/user-agents.json');
const crawlers = read<Crawler[]>('crawler-user-agents/crawler-user-agents.json').flatMap(({ instances }) => instances);

const enrich = createEnricher({ geoHeaders: [], cacheSize: 20_000 });
const readingOf = (userAgent: string) => enrich({ headers: { 'user-agent': userAgent } });

/** The share of those that pass, and a few that do not. */
function share<T>(all: readonly T[], passes: (one: T) => boolean): { share: number; others: string } {
  const others = all.filter((one) => !passes(one));
  const shown = others.slice(0, 5).map((one) => JSON.stringify(one));
  return { share: 1 - others.length / all.length, others: shown.join('\n') };
}

describe('enrich, by ten thousand browsers that were seen (user-agents)', ({ it }) => {
  // A platform says what a browser runs on, and no User-Agent switch changes it on these. Linux on x86_64 is often a test machine.
  const systems: Readonly<Record<string, readonly [name: RegExp, least: number]>> = {
    'iOS on an iPhone': [/^iPhone$/, 500],
    'iOS on an iPad': [/^iPad$/, 3],
    'Mac OS': [/^MacIntel$/, 500],
    Windows: [/^Win32$/, 500],
    'Android on a phone': [/^Linux (armv|aarch64)/, 100],
  };
  for (const [system, [name, least]] of Object.entries(systems)) {
    it(`finds ${system} where the browser says so`, () => {
      const rows = seen.filter(({ platform }) => name.test(platform));
      assert.ok(rows.length >= least, `only ${rows.length} rows`);
      const found = share(rows, ({ userAgent }) => readingOf(userAgent).agent?.os === system.split(' on ')[0]);
      assert.ok(found.share >= 0.985, `${found.share}\n${found.others}`);
    });
  }

  it('finds an engine of the vendor that the browser names', () => {
    const engines = { 'Google Inc.': /Chrom|Edge|Samsung|Opera|Yandex|Android|DuckDuckGo|Vivaldi|UC/, '': /Firefox/ };
    for (const [vendor, browsers] of Object.entries(engines)) {
      const found = share(
        seen.filter((row) => row.vendor === vendor),
        ({ userAgent }) => browsers.test(readingOf(userAgent).agent?.browser ?? ''),
      );
      assert.ok(found.share >= 0.99, `${vendor}: ${found.share}\n${found.others}`);
    }
  });

  it('takes for phones what has the screen of one', () => {
    const phones = seen.filter(({ userAgent }) => readingOf(userAgent).agent?.device === 'mobile');
    assert.ok(phones.length > 3_000, `only ${phones.length} phones`);
    const found = share(phones, ({ screenWidth, screenHeight }) => Math.min(screenWidth, screenHeight) <= 600);
    assert.ok(found.share >= 0.99, `${found.share}\n${found.others}`);
  });

  it('takes none for an app or a bot, and names browser, system and device of each', () => {
    const found = share(seen, ({ userAgent }) => {
      const { channel, agent } = readingOf(userAgent);
      return channel === 'web' && agent?.bot === false && Boolean(agent.browser && agent.os && agent.device);
    });
    assert.is(found.share, 1, found.others);
  });
});

describe('enrich, by two thousand User-Agents of crawlers (crawler-user-agents)', ({ it }) => {
  it('takes nearly all for bots, and hardly any for an app', () => {
    assert.ok(crawlers.length > 2_000, `only ${crawlers.length}`);
    // What is left are browsers inside apps and editors that the list names, with a person behind them.
    const bots = share(crawlers, (userAgent) => readingOf(userAgent).agent?.bot === true);
    assert.ok(bots.share >= 0.99, `${bots.share}\n${bots.others}`);
    const web = share(crawlers, (userAgent) => readingOf(userAgent).channel === 'web');
    assert.ok(web.share >= 0.995, `${web.share}\n${web.others}`);
  });
});
