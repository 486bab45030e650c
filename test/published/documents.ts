import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SHOP } from '../support/gateway.ts';

type Json = Record<string, unknown>;

/** What Glood publishes: its constraints, in words of our own. */
export const glood = (): Json => JSON.parse(readFileSync('test/published/fixtures/glood.json', 'utf8')) as Json;

/** Answers that every service of this kind gives, described or not. */
const UNDESCRIBED = ['401', '403', '413', '415', '429', '503'];

/**
 * A document of which every request is for our shop. That the shop must be named, in the header or in the body, stands in the contract's
 * texts, where no schema sees it: here the header names it. `allowed`: further answers, with any body.
 */
export function forOurShop(document: Json, allowed: readonly string[] = []): Json {
  const ours = { type: 'string', enum: [SHOP, `https://${SHOP}/`, SHOP.toUpperCase()] };
  return changed(document, (key, value) => {
    if (key === 'shop_domain') return ours;
    if (isJson(value) && value.name === 'x-shop' && value.in === 'header')
      return { ...value, required: true, schema: ours };
    if (isJson(value) && !NAMES.has(key) && 'responses' in value)
      return { ...value, responses: { ...any(allowed), ...Object(value.responses) } };
    // An event is what it is all about: without a body there is none.
    if (key === 'requestBody' && isJson(value)) return { required: true, ...value };
    return value;
  });
}

export const gloodForOurShop = (): Json => forOurShop(glood(), UNDESCRIBED);

/** Of Glood's document only what makes an event: whatever else is wrong in a request, what it says can still be kept. */
export function gloodAtLeast(): Json {
  return changed(gloodForOurShop(), (key, value) => {
    if (key !== 'HeadlessEventsRequest') return value;
    const { properties, ...rest } = value as { properties: { event: { properties: Json } & Json } };
    const { name } = properties.event.properties;
    return {
      ...rest,
      required: ['event'],
      properties: { event: { type: 'object', required: ['name'], properties: { name } } },
    };
  });
}

const any = (statuses: readonly string[]): Json =>
  Object.fromEntries(statuses.map((status) => [status, { description: 'Not now, or not like this.' }]));

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy in which each value is what `change` makes of it, the outermost first. */
function changed(document: Json, change: (key: string, value: unknown) => unknown): Json {
  const walk = (key: string, before: unknown): unknown => {
    const value = change(key, before);
    if (Array.isArray(value)) return value.map((item) => walk('', item));
    if (!isJson(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, walk(name, inner)]));
  };
  return walk('', document) as Json;
}

/** What a document says beside what binds. */
const TEXTS = new Set(['info', 'servers', 'title', 'summary', 'description', 'example', 'examples']);
/** Behind these stand names of the document's own, which may be any word. */
const NAMES = new Set(['properties', 'schemas', 'paths', 'responses', 'securitySchemes']);

/** A digest of what binds in a document: the same for documents that allow the same in the same words. */
export function digestOf(document: unknown): string {
  const bare = (value: unknown, isNames: boolean): unknown => {
    if (Array.isArray(value)) return value.map((item) => bare(item, false));
    if (!isJson(value)) return value;
    const kept = Object.entries(value).filter(([key]) => isNames || !TEXTS.has(key));
    kept.sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(kept.map(([key, inner]) => [key, bare(inner, NAMES.has(key))]));
  };
  return hash('sha256', JSON.stringify(bare(document, false)), 'hex');
}
