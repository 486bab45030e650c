import type { Browser, Frame, Page } from 'playwright-core';
import type { Balance } from '../../schemas/admin-api/balance.ts';
import type { Receipt } from '../../schemas/admin-api/receipts.ts';
import type { Event } from '../../schemas/event.ts';
import { createLogger } from '../../server/base/logger.ts';
import { ADMIN_TOKEN } from '../support/admin.ts';
import { call, eventsIn, gatewayWith } from '../support/gateway.ts';
import { openSink } from '../support/sink.ts';
import { until } from '../support/until.ts';
import { openChromium } from './chromium.ts';
import { openFront, type Trouble } from './front.ts';
import { createSite } from './site.ts';

/** The only host that the Layers SDK knows. */
export const LAYERS = 'cl.uselayers.com';
export const GLOOD = 'storefront.glood.ai';
/** Tokens of demo.myshopify.com. A browser remembers preflights by URL, so another token has it ask again. */
export const TOKENS = ['demo-token', ...Array.from({ length: 20 }, (_, index) => `demo-token-${index}`)];
/** The gateway under a name of its own. */
export const OWN = 'events.example.com';

export const SHOP_ORIGIN = 'https://shop.example.com';
export const OTHER_ORIGIN = 'https://elsewhere.example';

const config = (sink: string): string => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const pipelines = `[{ id: hook, destination: { type: webhook, url: "${sink}", secret: "${secret}", allowPrivateNetworks: true } }]`;
  return `
shops:
  - { shop: demo.myshopify.com, tokens: [${TOKENS}], origins: ['${SHOP_ORIGIN}'], pipelines: ${pipelines} }
  - { shop: older.myshopify.com, tokens: [older-token], successStatus: 204 }
  - { shop: open.myshopify.com, tokens: [open-token] }
  - { shop: framed.myshopify.com, tokens: [framed-token], origins: ['${SHOP_ORIGIN}', 'null'] }`;
};

export interface Stage {
  readonly browser: Browser;
  /** The gateway's own port, without the network in front. */
  readonly gatewayPort: number;
  /** The network's port, for clients that are no browser. */
  readonly frontPort: number;
  trouble(next: Trouble): void;
  /** How long nothing has gone to or from the gateway, in milliseconds. */
  quietMs(): number;
  /** A page of a new shopper: no cookies, no cache, no preflight remembered. */
  visit(origin?: string, path?: string): Promise<Page>;
  /** What the log says of an event. */
  stored(id: string): Promise<Receipt | undefined>;
  /** How many events the log has stored, of all shops. */
  appended(): Promise<number>;
  /** A stored event as the pipeline of demo.myshopify.com got it. */
  event(id: string): Promise<Event>;
  /** All of them, in order of arrival. */
  events(): readonly Event[];
  /** The statuses of all answered event requests, by the gateway's own log lines. */
  statuses(): number[];
  close(): Promise<void>;
}

/** A gateway, a storefront and a real browser that finds the gateway under the hosts of Layers and Glood. */
export async function openStage(): Promise<Stage> {
  const opened: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const release of opened.splice(0).reverse()) await release();
  };
  try {
    return await built(opened, close);
  } catch (error) {
    // What stays open would keep a run from ending that cannot even begin.
    await close();
    throw error;
  }
}

async function built(opened: (() => Promise<unknown>)[], close: () => Promise<void>): Promise<Stage> {
  const sink = await openSink();
  opened.push(sink.close);
  const lines: string[] = [];
  const logger = createLogger('debug', { write: (line: string) => void lines.push(line) });
  const gateway = await gatewayWith(config(sink.url), { ADMIN_TOKEN }, { logger });
  opened.push(gateway.stop);
  const front = await openFront([LAYERS, GLOOD, OWN], gateway.port, createSite());
  opened.push(front.close);
  const browser = await openChromium(front.port);
  opened.push(() => browser.close());
  const ask = async <T>(path: string): Promise<T> => {
    const reply = await call(gateway.port, {
      method: 'GET',
      path,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    return JSON.parse(reply.body) as T;
  };
  const events: Event[] = [];
  let read = 0;
  const arrived = (): readonly Event[] => {
    for (; read < sink.requests.length; read += 1) events.push(...eventsIn(sink.requests[read]?.body ?? ''));
    return events;
  };
  return {
    browser,
    gatewayPort: gateway.port,
    frontPort: front.port,
    trouble: front.trouble,
    quietMs: front.quietMs,
    visit: async (origin = SHOP_ORIGIN, path = '/shop.html') => {
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${origin}${path}`);
      return page;
    },
    stored: async (id) => {
      const { receipts } = await ask<{ receipts: Receipt[] }>(`/admin/receipts/${encodeURIComponent(id)}`);
      return receipts.find(({ state }) => state === 'stored');
    },
    appended: async () => {
      const { shops } = await ask<Balance>('/admin/balance');
      return shops.reduce((sum, { appended }) => sum + appended, 0);
    },
    event: (id) => until(() => arrived().find(({ event_id }) => event_id === id)),
    events: arrived,
    statuses: () => lines.flatMap((line) => (line.includes('"request answered"') ? [JSON.parse(line).status] : [])),
    close,
  };
}

/** Calls a function of the page's own code, by name, and gives what it gives. */
export const run = <T>(page: Page | Frame, name: string, ...args: readonly unknown[]): Promise<T> =>
  page.evaluate<T>(`${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`);
