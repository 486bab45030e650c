import { GloodInit, GloodInitAnswer } from '../../../schemas/glood.ts';
import { parseBody } from '../body.ts';
import { type BodyLimits, type Documentation, type Reply, RequestRefused } from '../dialect.ts';
import { realId, realShopId } from '../ids.ts';
import { excess } from '../limits.ts';
import { type Json, object, present, text } from '../values.ts';
import { shown } from '../words.ts';
import { gloodDocumentation } from './documentation.ts';

/** Where a Glood client makes its first call, beside the path of the events. */
export const gloodInitPath = '/api/storefront/v3/headless/init';

/** Who a client says it is. */
export interface Client {
  readonly user_id?: string;
  readonly client_id?: string;
  readonly customer_id?: string;
}

/** Products by their ids, the last one first. */
export interface Visitor {
  readonly browsed: readonly string[];
  readonly cart: readonly string[];
  readonly purchased: readonly string[];
}

/** Reads the body of an init; an empty one says nothing, nor does a field that does not fit. Throws RequestRefused(400). */
export function readInit(body: string, limits: BodyLimits): Client {
  const said = body.trim() === '' ? {} : bodyOf(body);
  const much = excess(said, limits);
  if (much) {
    const { path, expected, came } = much;
    throw refused(`${path || 'the body'} must have ${expected}, got ${came}`);
  }
  return present({
    user_id: realId(said.user_id),
    client_id: realId(said.client_id),
    customer_id: realShopId(said.customer_id),
  });
}

function bodyOf(text: string): Json {
  const wanted = 'the body must be a JSON object, or empty, got';
  const parsed = parseBody(text);
  if (parsed.kind === 'refused') throw refused(`${wanted} ${parsed.came}`);
  // PHP sends an empty list where it knows nothing.
  const body = Array.isArray(parsed.value) && parsed.value.length === 0 ? {} : object(parsed.value);
  if (!body) throw refused(`${wanted} ${shown(parsed.value)}`);
  return body;
}

// An init brings no event, so nothing of it is worth a place in quarantine.
const refused = (reason: string): RequestRefused => new RequestRefused(400, reason);

/** The answer in Glood's shape. `visit` is the visit that begins, `token` the one that the client sent. */
export function initReply(
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

/** Whether what another server said is the answer to an init. */
export function isInitAnswer(body: string): boolean {
  const parsed = parseBody(body);
  return parsed.kind === 'parsed' && text(object(parsed.value)?.visit_id) !== undefined;
}

// The contract has them as JSON numbers, which do not carry larger ones exactly.
const numbers = (ids: readonly string[]): number[] => ids.map(Number).filter(Number.isSafeInteger);

export const gloodInitDocumentation: Documentation = {
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
