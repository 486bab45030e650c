import { type Fixture, fixturesOf } from '../support/examples.ts';
import type { Sent, Speech } from './row.ts';

/** A valid body with something odd at one of its places. */
export interface Mutant {
  /** Its number, which stands in the body under `mutant`: a key that no contract knows, and that is kept. */
  readonly id: string;
  readonly speaks: Extract<Speech, 'layers' | 'glood' | 'tapcart'>;
  readonly fixture: string;
  readonly path: string;
  readonly odd: unknown;
  /** The body of Glood and Tapcart, an event of Layers: JSON text. */
  readonly text: string;
  /** Whether the contract can do without the value that stood there. */
  readonly isOptional: boolean;
}

/** Written into the JSON text as the digits of 2^53 + 1. */
const BIG = '\u0001big';

/** What may stand where something else is expected. */
export const oddValues: readonly unknown[] = [
  null,
  '',
  ' ',
  [],
  {},
  [null],
  [[]],
  0,
  -1,
  1.5,
  1e308,
  BIG,
  true,
  false,
  'false',
  'undefined',
  '[object Object]',
  '{{template}}',
  'x'.repeat(3000),
  '🙂',
  'half of \ud83d',
  'ends in \u0000',
  'gid://shopify/Product/7',
  '<script>alert(1)</script>',
  ['a', 'b'],
  { $gt: '' },
  { a: { b: { c: [1, { d: 'deep' }] } } },
  [{ productId: [], quantity: {} }],
];

/** What a contract cannot do without, by the names of its types where it differs between them. */
const required: Readonly<Record<Mutant['speaks'], RegExp>> = {
  layers: /^(event_type|timestamp|session_id|product_id|position|collection_handle|query)$/,
  glood: /^(event|event\.name|event\.id|session_id|shop_domain)$/,
  tapcart: /^(event|mp_metadata|mp_metadata\.mp_event_id)$/,
};

/** Where an id stands: one of its own, so that no mutant is taken for another one's copy. */
const idPaths: Readonly<Record<Mutant['speaks'], Path>> = {
  layers: ['event_id'],
  glood: ['event', 'id'],
  tapcart: ['mp_metadata', 'mp_event_id'],
};

type Json = Readonly<Record<string, unknown>>;

/** What contracts leave to the client. There are hundreds of places in it, and each gets a quarter of the odd values. */
const inPayload = /^(event\.(data|customData)|data|properties|cart|customer|contextual_data)\./;

/** Odd values at each place that the fixtures of a dialect have, once. */
export function mutantsOf(speaks: Mutant['speaks']): Mutant[] {
  const seen = new Set<string>();
  const found: Mutant[] = [];
  for (const { name, body } of fixturesOf(speaks).flatMap(eventsOf)) {
    for (const path of pathsOf(body)) {
      const place = path.map((key) => (typeof key === 'number' ? '[]' : key)).join('.');
      if (seen.has(place)) continue;
      seen.add(place);
      for (const odd of inPayload.test(place) ? oddValues.filter((_, at) => (at + seen.size) % 4 === 0) : oddValues) {
        const id = `${speaks}-${found.length}`;
        const isOptional = !required[speaks].test(place);
        const own = replaced(body, idPaths[speaks], id);
        const text = JSON.stringify({ ...(replaced(own, path, odd) as object), mutant: id }).replace(
          JSON.stringify(BIG),
          '9007199254740993',
        );
        found.push({ id, speaks, fixture: name, path: place, odd, text, isOptional });
      }
    }
  }
  return found;
}

function eventsOf({ name, request }: Fixture): { name: string; body: Json }[] {
  const body = request.body as Json;
  return Array.isArray(body.events) ? body.events.map((event) => ({ name, body: event as Json })) : [{ name, body }];
}

type Path = readonly (string | number)[];

/** Every place of a value below its top; of a list its first entry. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  const own = path.length > 0 ? [path] : [];
  if (Array.isArray(value)) return value.length > 0 ? [...own, ...pathsOf(value[0], [...path, 0])] : own;
  if (typeof value !== 'object' || value === null) return own;
  return [...own, ...Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, odd: unknown): unknown {
  if (key === undefined) return odd;
  if (Array.isArray(value)) return value.map((one, at) => (at === key ? replaced(one, rest, odd) : one));
  const fields = value as Json;
  return { ...fields, [key]: replaced(fields[key], rest, odd) };
}

/** The requests that bring them: of Layers many in one. */
export function requestsOf(
  mutants: readonly Mutant[],
  send: (text: string) => Sent,
): { sent: Sent; brings: readonly Mutant[] }[] {
  if (mutants[0]?.speaks !== 'layers') return mutants.map((mutant) => ({ sent: send(mutant.text), brings: [mutant] }));
  const sets = Array.from({ length: Math.ceil(mutants.length / 50) }, (_, at) => mutants.slice(at * 50, (at + 1) * 50));
  return sets.map((set) => ({ sent: send(`{"events":[${set.map(({ text }) => text).join(',')}]}`), brings: set }));
}
