import { glood } from '../../adapters/dialects/glood/glood.ts';
import { gloodInitPath } from '../../adapters/dialects/glood/init.ts';
import { layers } from '../../adapters/dialects/layers/layers.ts';
import { tapcart } from '../../adapters/dialects/tapcart/tapcart.ts';
import { EXIT, Failure, type Terminal } from './output.ts';
import { gloodExamples, layersExamples, tapcartExamples } from './send-examples.ts';

/** What `send --dialect` can speak: the dialects, and the first call of a Glood client, which brings no event. */
export const SPOKEN = ['layers', 'glood', 'glood-init', 'tapcart'] as const;
export type Spoken = (typeof SPOKEN)[number];

export interface Wish {
  readonly dialect: Spoken;
  readonly token: string;
  readonly shop?: string;
  /** As the dialect names it. */
  readonly type?: string;
  /** What goes over the example, into the event or the body around it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A request as a client of the dialect sends it. */
export interface Sendable {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The id of its event; undefined where it brings none. */
  readonly id: string | undefined;
}

type Maker = (wish: Wish, tools: Pick<Terminal, 'now' | 'randomId'>) => Sendable;

/** Throws a Failure where the dialect wants something that was not given. */
export const requestOf: Maker = (wish, tools) => makers[wish.dialect](wish, tools);

const SESSION = 'headless-events-send';
const DEMO = { token: 'demo-token', shop: 'demo.myshopify.com' };

const makers: Readonly<Record<Spoken, Maker>> = {
  layers: ({ token, type = 'product_view', fields }, tools) => {
    const event: Record<string, unknown> = {
      event_id: tools.randomId(),
      event_type: type,
      timestamp: nowIn(tools),
      session_id: SESSION,
      ...exampleIn(layersExamples, type),
      ...fields,
    };
    return {
      path: layers.path,
      headers: { 'X-Storefront-Access-Token': token },
      body: { events: [event] },
      id: String(event.event_id),
    };
  },
  glood: (wish, tools) => {
    const { type = 'page_viewed', fields } = wish;
    const id = tools.randomId();
    const example = { id, name: type, timestamp: nowIn(tools), ...exampleIn(gloodExamples, type) };
    const event = { ...example, ...Object(fields.event) };
    return {
      path: glood.path,
      headers: gloodHeaders(wish),
      body: { session_id: SESSION, ...fields, event },
      id: String(event.id),
    };
  },
  'glood-init': (wish) => {
    if (wish.type !== undefined)
      throw new Failure('--type goes with events, and an init brings none; leave it out.', EXIT.usage);
    return { path: gloodInitPath, headers: gloodHeaders(wish), body: wish.fields, id: undefined };
  },
  tapcart: ({ token, type = 'pageView', fields }, tools) => {
    const metadata = { mp_event_id: tools.randomId(), mp_session_id: SESSION, ...Object(fields.mp_metadata) };
    const device = { id: SESSION, operatingSystem: 'iOS' };
    const body = { event: type, data: exampleIn(tapcartExamples, type), properties: { device }, ...fields };
    return {
      path: tapcart.path,
      // As it stands in the URL that Tapcart is given, but where no log of a router keeps it.
      headers: { Authorization: `Bearer ${token}` },
      body: { ...body, mp_metadata: metadata },
      id: String(metadata.mp_event_id),
    };
  },
};

/** Glood's contract wants the shop to be named. */
function gloodHeaders({ dialect, token, shop = token === DEMO.token ? DEMO.shop : undefined }: Wish) {
  if (shop === undefined)
    throw new Failure(
      `--shop must be the domain of the token's shop with --dialect ${dialect}, got nothing; give it, such as ${DEMO.shop}.`,
      EXIT.usage,
    );
  return { Authorization: `Bearer ${token}`, 'X-Shop': shop };
}

const nowIn = ({ now }: Pick<Terminal, 'now'>): string => new Date(now()).toISOString();

/** Nothing for a name of the shop's own. */
const exampleIn = (examples: Readonly<Record<string, object>>, type: string): object =>
  Object.hasOwn(examples, type) ? (examples[type] ?? {}) : {};
