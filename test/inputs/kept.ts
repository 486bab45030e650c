import type { Event } from '../../schemas/event.ts';
import { exactly } from './exact.ts';
import type { Played } from './play.ts';
import type { Row, Sent, Speech } from './row.ts';
import type { Quarantined } from './stage.ts';

/** A value that says something, and the nearest name above it. */
interface Leaf {
  readonly key: string;
  readonly path: string;
  readonly value: unknown;
}

/** What a client's names are called in the model. Shopify's and Glood's payloads are also kept whole, under their own names. */
const modelNames: Readonly<Record<string, readonly string[]>> = {
  // An entry that is no object is the whole of what is kept.
  events: [''],
  id: ['event_id', 'sent_id'],
  event_id: ['sent_id'],
  mp_event_id: ['event_id', 'sent_id'],
  event: ['name'],
  event_type: ['name'],
  mp_session_id: ['session_id'],
  client_id: ['device_id'],
  type: ['device_type'],
  analyticsProcessingAllowed: ['analytics'],
  analyticsAllowed: ['analytics'],
  marketingAllowed: ['marketing'],
  preferencesProcessingAllowed: ['preferences'],
  preferencesAllowed: ['preferences'],
  saleOfDataAllowed: ['sale_of_data'],
  saleOfData: ['sale_of_data'],
};

/** What is gone on purpose, for every row: by name, why. */
const replaced: Readonly<Record<string, string>> = {
  shop_domain: 'names the shop, which the event has under its one name',
  'event.type': "says of Glood's names which are Shopify's, which the name says too",
};
/** Layers' client does not know these better than the gateway does. */
const foundOut = ['geo_country', 'geo_state', 'geo_city', 'device_type', 'browser', 'os'];

const purposes = new Set(['analytics', 'marketing', 'preferences', 'sale_of_data']);

/** The values of a row's requests that are neither in an event nor in quarantine, as `path: value`. */
export function lost({ row, requests, answers, ...kept }: Played): string[] {
  return requests.flatMap((sent, at) => {
    const status = answers[at]?.status ?? 0;
    if (status < 200 || status > 299 || sent.speaks === 'init' || sent.speaks === 'other') return [];
    return lostOf(sent.speaks, contentOf(sent, kept.quarantined), kept, row.gone);
  });
}

/** The same of one body, but for those whose path is in `gone`. */
export function lostOf(
  speaks: Speech,
  content: unknown,
  { events, quarantined }: Pick<Played, 'events' | 'quarantined'>,
  gone: Row['gone'] = {},
): string[] {
  const held = new Map<string, Leaf[]>();
  for (const leaf of [...leavesOf(events), ...quarantined.flatMap(({ raw }) => leavesOf(parsed(raw)))])
    held.set(leaf.key, [...(held.get(leaf.key) ?? []), leaf]);
  return leavesOf(content)
    .filter((leaf) => gone[leaf.path] === undefined && !isKept(leaf, speaks, held, events))
    .map(({ path, value }) => `${path}: ${JSON.stringify(value)}`);
}

function contentOf({ says, body = '' }: Sent, quarantined: readonly Quarantined[]): unknown {
  const content = says ?? parsed(String(body));
  // A body that nobody could read is kept as it came.
  if (content === undefined && !quarantined.some(({ raw }) => raw === String(body))) return { body: String(body) };
  return content;
}

function parsed(text: string): unknown {
  try {
    return exactly(text);
  } catch {
    return undefined;
  }
}

function leavesOf(value: unknown, key = '', path = ''): Leaf[] {
  if (typeof value !== 'object' || value === null)
    return value === null || value === undefined || String(value).trim() === '' ? [] : [{ key, path, value }];
  if (Array.isArray(value)) return value.flatMap((one) => leavesOf(one, key, path));
  return Object.entries(value).flatMap(([name, one]) =>
    leavesOf(one, name, path === '' || path === 'events' ? name : `${path}.${name}`),
  );
}

function isKept(
  leaf: Leaf,
  speaks: Speech,
  held: ReadonlyMap<string, readonly Leaf[]>,
  events: readonly Event[],
): boolean {
  const { key, path, value } = leaf;
  if (replaced[path] !== undefined || (speaks === 'layers' && foundOut.includes(path.split('.')[0] ?? ''))) return true;
  // A time that was understood is the event's own, in another form.
  if (
    key === 'timestamp' &&
    events.some(({ timestamp_source: source }: Event & { timestamp_source?: string }) => source !== 'received')
  )
    return true;
  const names = [key, ...(modelNames[key] ?? [])];
  const found = names.flatMap((name) => held.get(name) ?? []);
  return found.some((other) => isSame(value, other.value) || (purposes.has(other.key) && isYes(value) === other.value));
}

const isYes = (value: unknown): boolean => /^(true|1|yes|granted|allowed|accepted)$/i.test(String(value));

function isSame(sent: unknown, kept: unknown): boolean {
  const text = String(sent).toWellFormed();
  return [text, withoutKey(text), idIn(text), idIn(Buffer.from(text, 'base64').toString())].includes(
    String(kept).toWellFormed(),
  );
}

/** Without the key of a cart, and without what then ends an address. */
const withoutKey = (text: string): string =>
  text.replace(/([?&])key=[^&#"\\]*&?/, '$1').replace(/[?&](?=$|[#"\\])/, '');
const idIn = (text: string): string | undefined => /^gid:\/\/shopify\/[A-Za-z]+\/([0-9]+)/.exec(text)?.[1];
