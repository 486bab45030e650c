import { RequestRefused, type Rules } from '../../../adapters/dialects/dialect.ts';
import { glood } from '../../../adapters/dialects/glood/glood.ts';
import {
  type Client,
  gloodInitPath,
  initReply,
  isInitAnswer,
  readInit,
} from '../../../adapters/dialects/glood/init.ts';
import { header } from '../../../adapters/dialects/headers.ts';
import type { Admission, Answer, SideCall } from '../ingest.ts';
import type { Upstream } from './upstream.ts';
import type { Visitors } from './visitors.ts';

export interface InitTools {
  readonly visitors: Visitors;
  readonly upstream: Upstream;
  /** A new id that nobody can guess: it opens what is known of its visitor. */
  readonly mint: () => string;
  readonly limits: Rules['limits'];
  /** Called with errors that are ours. The client is answered all the same: without this call it can do nothing. */
  readonly onError: (error: unknown) => void;
}

/** The first call of a Glood client: who it is from now on, and what its shop wants it to know. */
export function createInit(tools: InitTools): SideCall {
  return { dialect: glood, path: gloodInitPath, answer: (admission, body) => answer(tools, admission, body) };
}

async function answer(tools: InitTools, admission: Admission, body: Buffer): Promise<Answer> {
  if (!admission.shopNamed) throw new RequestRefused(400, 'the shop must be named: send the x-shop header');
  const client = readInit(body.toString(), tools.limits);
  const passedOn = await askUpstream(tools.upstream, admission, body.toString());
  if (passedOn !== undefined) return { status: 200, body: passedOn, headers: {} };

  const { config } = admission.shop;
  const visitor = await tools.visitors.of(config.shop, knowable(client, admission.trust)).catch((error: unknown) => {
    tools.onError(error);
    return { browsed: [], cart: [], purchased: [] };
  });
  const whole = { user_id: tools.mint(), client_id: tools.mint(), ...client };
  const token = glood.credentials(admission.inbound).token ?? '';
  return { ...initReply(whole, tools.mint(), visitor, { config: config.glood.config, token }), headers: {} };
}

// Customers are numbered, so anyone could ask for any of them with a token that every shopper can read.
const knowable = ({ customer_id, ...ids }: Client, trust: Admission['trust']): Client =>
  trust === 'server' && customer_id !== undefined ? { ...ids, customer_id } : ids;

async function askUpstream(upstream: Upstream, admission: Admission, body: string): Promise<string | undefined> {
  const { shop, glood: settings } = admission.shop.config;
  if (settings.upstream === undefined) return undefined;
  const authorization = header(admission.inbound, 'authorization');
  return upstream.ask(
    {
      url: new URL(gloodInitPath, settings.upstream).href,
      allowPrivateNetworks: settings.allowPrivateNetworks,
    },
    {
      body: body.trim() === '' ? '{}' : body,
      headers: { 'content-type': 'application/json', 'x-shop': shop, ...(authorization && { authorization }) },
      accepts: isInitAnswer,
    },
  );
}
