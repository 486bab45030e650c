import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { mistakesIn } from '../inputs/judge.ts';
import { layersExample } from '../inputs/requests.ts';
import { openStage, type Stage } from '../inputs/stage.ts';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';
import { openChromium } from './chromium.ts';
import { type Front, openFront } from './front.ts';
import { type PageRow, type Place, pageRows } from './inputs.ts';
import { createSite } from './site.ts';
import { GLOOD, LAYERS, OWN, SHOP_ORIGIN } from './stage.ts';

const USER_AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36';
const POST = `const post = (url, more) => fetch(url, { method: 'POST', ...more }).then(({ status }) => status, () => 'failed');`;
const EMPTY = '<!doctype html><meta charset="utf-8"><title>Page</title><link rel="icon" href="data:,">';

const shopOf = (row: number): string => `page-${row}.myshopify.com`;
const tokenOf = ({ shop }: PageRow, row: number): string =>
  (shop?.tokens?.[0] ?? 'token-{row}').replace('{row}', String(row));
const filledIn = (row: PageRow, at: number): string =>
  row.does
    .replaceAll('{url}', `https://${LAYERS}/beacon?token=${tokenOf(row, at)}`)
    .replaceAll('{glood}', `https://${GLOOD}/api/storefront/v3/headless/events`)
    .replaceAll('{token}', tokenOf(row, at))
    .replaceAll('{shop}', shopOf(at))
    .replaceAll('{body}', JSON.stringify(JSON.stringify({ events: [layersExample()] })));

describe('what pages really send, by Chromium', ({ it, before, after }) => {
  let stage: Stage;
  let front: Front;
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), 'events-pages-'));
  before(async () => {
    stage = await openStage(
      pageRows.map((row, at) => ({ ...row.shop, shop: shopOf(at), tokens: [tokenOf(row, at)] })),
      'memory',
    );
    front = await openFront([LAYERS, GLOOD, OWN], stage.port, createSite());
    browser = await openChromium(front.port);
    shopper = await browser.newContext({ userAgent: USER_AGENT });
    writeFileSync(join(folder, 'page.html'), EMPTY);
  });
  after(async () => {
    await browser?.close();
    await front?.close();
    await stage?.close();
    rmSync(folder, { recursive: true });
  });

  const addresses: Readonly<Record<Place, string>> = {
    shop: `${SHOP_ORIGIN}/shop.html`,
    worker: `${SHOP_ORIGIN}/shop.html`,
    sandbox: `${SHOP_ORIGIN}/frame.html`,
    file: `file://${folder}/page.html`,
  };

  let shopper: BrowserContext;
  /** A page there, or the frame in it. */
  const arrive = async (place: Place): Promise<Page | Frame> => {
    const page = await shopper.newPage();
    await page.goto(addresses[place]);
    if (place !== 'sandbox') return page;
    return until(() => page.frames().find((frame) => frame.url().endsWith('/shop.html')));
  };

  /** In a page, or in a worker that the page starts. */
  const codeOf = (place: Place, expression: string): string => {
    const here = `(() => { ${POST} return ${expression}; })()`;
    if (place !== 'worker') return here;
    const script = `Promise.resolve(${here}).then((seen) => postMessage(seen))`;
    return `new Promise((seen) => { new Worker(URL.createObjectURL(new Blob([${JSON.stringify(script)}]))).onmessage = ({ data }) => seen(data); })`;
  };

  for (const [at, row] of pageRows.entries()) {
    it(`${row.name} (${row.source})`, async () => {
      const { at: place = 'shop', event, refused = [] } = row;
      const page = await arrive(place);
      assert.equal(await page.evaluate(codeOf(place, filledIn(row, at))), row.sees);
      const shop = shopOf(at);
      const found = async () => ({
        events: (await stage.received(0)).get(shop)?.events ?? [],
        quarantined: (await stage.quarantined()).get(shop) ?? [],
        bodies: [],
      });
      // What must come is waited for; of what must not, nothing may be on its way any more.
      await until(async () => {
        const { events, quarantined } = await found();
        const isHere = events.length >= (event ? 1 : 0) && quarantined.length >= refused.length;
        return isHere && ((event ?? refused[0]) !== undefined || front.quietMs() > 300);
      });
      const came = mistakesIn({
        row: { name: row.name, source: row.source, sends: [], refused, ...(event && { event }) },
        ...(await found()),
      });
      if (came.length > 0) throw new Error([row.name, ...came].join('\n  '));
      await ('context' in page ? page : page.page()).close();
      await shopper.clearCookies();
    });
  }

  it('are no faults of the gateway', () => assert.equal(stage.errors, []));
});
