import { validateHeaderName, validateHeaderValue } from 'node:http';
import Type, { type Static } from 'typebox';
import { type Network, systemNetwork } from '../../http/agent.ts';
import { openHttp } from '../../http/http.ts';
import { urlMistakes } from '../../http/ssrf.ts';
import type { Batch, Destination, Sender, Tools } from '../destination.ts';
import { secretMistakes, signedHeaders } from './signature.ts';

const settings = Type.Object({
  url: Type.String({ description: 'Where to POST. https:, port 443 or 8443, no redirects.' }),
  secret: Type.String({
    sensitive: true,
    description: 'Signs every request (Standard Webhooks): whsec_ and base64 of 24 to 64 bytes.',
  }),
  previousSecret: Type.Optional(
    Type.String({
      sensitive: true,
      description: 'While secrets are being exchanged: signs as well, so that a receiver with either one accepts.',
    }),
  ),
  headers: Type.Record(Type.String(), Type.String(), {
    default: {},
    sensitive: true,
    description: 'More headers for every request, for example authorization.',
  }),
  batchSize: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 1_000,
    description: 'Most events in one request. Lower it where the receiver limits the size of a body.',
  }),
  timeoutSeconds: Type.Integer({
    default: 15,
    minimum: 1,
    maximum: 60,
    description: 'From the name look-up to the last byte of the answer, in seconds.',
  }),
  allowPrivateNetworks: Type.Boolean({
    default: false,
    description: 'Also allow private addresses, any port and plain http:, for receivers in your own network.',
  }),
});
type Settings = Static<typeof settings>;

/** POSTs batches of events, signed as Standard Webhooks 1.0.0 asks. */
export const webhook: Destination<typeof settings> = {
  type: 'webhook',
  description: 'POSTs batches of events to a URL, signed as Standard Webhooks asks.',
  settings,
  lanes: true,
  maxBatch: ({ batchSize }) => batchSize,
  check: (chosen) => [
    ...urlMistakes(chosen.url, chosen.allowPrivateNetworks),
    ...secretMistakes('secret', chosen.secret),
    ...secretMistakes('previousSecret', chosen.previousSecret),
    ...headerMistakes(chosen.headers),
  ],
  connect: (chosen, tools) => connectWebhook(chosen, tools),
};

/** Like `webhook.connect`, over a given network. Every attempt of a batch has the same id and the same body. */
export function connectWebhook(chosen: Settings, { now }: Tools, network: Network = systemNetwork): Sender {
  const secrets = [chosen.secret, chosen.previousSecret].filter((secret) => secret !== undefined);
  const http = openHttp({ ...chosen, secrets: confidential(chosen) }, now, network);
  return {
    async send(batch, signal) {
      const body = bodyOf(batch);
      const headers = {
        ...chosen.headers,
        'content-type': 'application/json',
        ...signedHeaders(batch.id, now(), body, secrets),
      };
      const outcome = await http.post(body, headers, batch.events.length, signal);
      return batch.events.map(() => outcome);
    },
    async close() {
      http.close();
    },
  };
}

// The timestamp belongs to the content and not to the attempt, so that a repeat is equal to the byte.
const bodyOf = ({ shop, pipeline, events }: Batch): string =>
  JSON.stringify({
    type: 'storefront.events',
    timestamp: events.at(-1)?.event.received_at,
    data: { shop, pipeline, events: events.map(({ event }) => event) },
  });

const SHORTEST_TOKEN = 8;

// What an answer may echo and a log must not hold: secrets, and the tokens in headers and in the URL's path and query.
function confidential({ url, secret, previousSecret, headers }: Settings): string[] {
  const secrets = [secret, previousSecret ?? ''].flatMap((text) => [text, text.replace('whsec_', '')]);
  const tokens = Object.values(headers).flatMap((value) => [
    value,
    ...value.split(/\s+/).filter((part) => part.length >= SHORTEST_TOKEN),
  ]);
  if (!URL.canParse(url)) return [...secrets, ...tokens];
  const { pathname, searchParams } = new URL(url);
  const path = [pathname, ...pathname.split('/')].filter((part) => part.length >= SHORTEST_TOKEN);
  return [...secrets, ...tokens, ...searchParams.values(), ...path];
}

const ours =
  /^(webhook-.*|content-type|content-length|content-encoding|transfer-encoding|connection|host|expect|upgrade)$/i;

const headerMistakes = (headers: Settings['headers']): string[] =>
  Object.entries(headers).flatMap(([name, value]) => {
    if (ours.test(name))
      return [`headers.${name}: must be a header of your own, got one that the gateway sets; remove it`];
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
      return [];
    } catch {
      return [
        `headers: must have names and values that HTTP allows, got ${JSON.stringify(name)} with something it does not`,
      ];
    }
  });
