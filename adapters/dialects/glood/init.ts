import { parseBody } from '../body.ts';
import { type BodyLimits, type Documentation, type Reply, RequestRefused } from '../dialect.ts';
import { bearer, header } from '../headers.ts';
import { realId, realShopId } from '../ids.ts';
import { excess } from '../limits.ts';
import type { SideCall, SideRequest, Upstream, Visitor, VisitorIds } from '../side-call.ts';
import { type Json, object, text, withoutUndefined } from '../values.ts';
import { shown } from '../words.ts';
import { gloodDocumentation } from './documentation.ts';
import { gloodInitSample } from './sample.ts';
import { gloodSettingsOf } from './settings.ts';
import { GloodInit, GloodInitAnswer } from './shapes.ts';

/** The identity that a client states. */
interface Client {
  readonly user_id?: string;
  readonly client_id?: string;
  readonly customer_id?: string;
}

/** Reads the body of an init. Ignores an empty body and fields that do not fit. Throws RequestRefused (400). */
export function readInit(body: string, limits: BodyLimits): Client {
  const said = body.trim() === '' ? {} : bodyOf(body);
  const much = excess(said, limits);
  if (much) {
    const { path, expected, got } = much;
    throw refused(`${path || 'the body'} must have ${expected}, got ${got}`);
  }
  return withoutUndefined({
    user_id: realId(said.user_id),
    client_id: realId(said.client_id),
    customer_id: realShopId(said.customer_id),
  });
}

function bodyOf(text: string): Json {
  const wanted = 'the body must be a JSON object, or empty, got';
  const parsed = parseBody(text);
  if (parsed.kind === 'refused') throw refused(`${wanted} ${parsed.got}`);
  // PHP sends an empty list for an empty object.
  const body = Array.isArray(parsed.value) && parsed.value.length === 0 ? {} : object(parsed.value);
  if (!body) throw refused(`${wanted} ${shown(parsed.value)}`);
  return body;
}

// An init has no event, so it is not quarantined.
const refused = (reason: string): RequestRefused => new RequestRefused(400, reason);

/** The answer in Glood's shape. `visit` is the visit that begins, `token` the one that the client sent. */
function initReply(
  client: Required<Pick<Client, 'user_id' | 'client_id'>> & Client,
  visit: string,
  visitor: Visitor,
  shop: { readonly config: Readonly<Record<string, unknown>>; readonly token: string },
): Reply {
  const body = {
    visit_id: visit,
    user_id: client.user_id,
    client_id: client.client_id,
    customer_id: client.customer_id ?? '',
    visitor: {
      browsed_products: numbers(visitor.browsed),
      cart_products: numbers(visitor.cart),
      purchased_products: numbers(visitor.purchased),
    },
    config: shop.config,
    token: shop.token,
  };
  return { status: 200, body: JSON.stringify(body) };
}

/** Whether the answer of another server is an answer to an init. */
function isInitAnswer(body: string): boolean {
  const parsed = parseBody(body);
  return parsed.kind === 'parsed' && text(object(parsed.value)?.visit_id) !== undefined;
}

// The contract wants JSON numbers, which cannot hold larger ids exactly.
const numbers = (ids: readonly string[]): number[] => ids.map(Number).filter(Number.isSafeInteger);

const documentation: Documentation = {
  ...gloodDocumentation,
  operationId: 'init',
  summary: "Glood headless init: a client's first call.",
  parameters: [
    {
      name: 'x-shop',
      in: 'header',
      required: true,
      description: "The shop's domain.",
      schema: { type: 'string' },
    },
  ],
  body: GloodInit,
  answers: {
    200: { description: 'The ids of the visit, and what is known of the visitor.', body: GloodInitAnswer },
    400: {
      description: 'The body is not valid, or x-shop is missing.',
      body: gloodDocumentation.refusal(400),
    },
  },
};

const path = '/api/storefront/v3/headless/init';

/** The first call of a Glood client: gets its ids and what its shop knows about the visitor. */
export const gloodInit: SideCall = {
  name: 'init',
  path,
  documentation,
  examples: {
    init: {
      description: 'A client that has been here before, in an app.',
      value: { user_id: 'user-3c9d', client_id: 'client-7a1f', page_type: 'home' },
    },
  },
  sample: gloodInitSample,
  async answer(request, { visitorOf, upstream, mint, limits }) {
    const { inbound, shop, shopNamed, trust, body } = request;
    if (!shopNamed) throw refused('the shop must be named: send the x-shop header');
    const client = readInit(body, limits);
    const passedOn = await askUpstream(upstream, request);
    if (passedOn !== undefined) return { status: 200, body: passedOn };

    const visitor = await visitorOf(shop.shop, knowable(client, trust));
    const whole = { user_id: mint(), client_id: mint(), ...client };
    return initReply(whole, mint(), visitor, { config: gloodSettingsOf(shop).config, token: bearer(inbound) ?? '' });
  },
};

/**
 * The ids by which the client may ask. Not by customer id: those are numbers, and with a token that every shopper can read anyone could ask
 * about any customer.
 */
const knowable = ({ user_id, client_id, customer_id }: Client, trust: SideRequest['trust']): VisitorIds => ({
  ...(user_id !== undefined && { user_id }),
  ...(client_id !== undefined && { device_id: client_id }),
  ...(customer_id !== undefined && trust === 'server' && { customer_id }),
});

async function askUpstream(upstream: Upstream, { inbound, shop, body }: SideRequest): Promise<string | undefined> {
  const settings = gloodSettingsOf(shop);
  if (settings.upstream === undefined) return undefined;
  const authorization = header(inbound, 'authorization');
  const { allowPrivateNetworks } = settings;
  return upstream.ask(
    { name: 'Glood', url: new URL(path, settings.upstream).href, allowPrivateNetworks },
    {
      body: body.trim() === '' ? '{}' : body,
      headers: { 'content-type': 'application/json', 'x-shop': shop.shop, ...(authorization && { authorization }) },
      accepts: isInitAnswer,
    },
  );
}
