import { Compile } from 'typebox/compile';
import type { Event } from '../../../schemas/event.ts';
import { needed } from '../../../schemas/wire.ts';
import type { Context, Dialect, Draft, Reading, Refusal, Rules } from '../dialect.ts';
import { type ContentOf, contentBy } from '../event-id.ts';
import { header, queryToken } from '../headers.ts';
import { excess } from '../limits.ts';
import { priorityBy } from '../priority.ts';
import { ReplacedNotes } from '../replaced.ts';
import { eventSlices } from '../slices.ts';
import { type Json, object } from '../values.ts';
import { excerpt, type Fault, faults, joined, shown, unnamed } from '../words.ts';
import { batch } from './batch.ts';
import { layersDocumentation } from './documentation.ts';
import { layersSample } from './sample.ts';
import { LayersCustomEvent, layersEvents } from './shapes.ts';
import { layersDraft, layersViewer } from './view.ts';

/** The Layers Tracking API: batches of 1 to 100 events, each judged by itself. */
export const layers: Dialect = {
  name: 'layers',
  path: '/beacon',
  // A plain-string sendBeacon comes as text/plain, which needs no preflight.
  contentTypes: ['application/json', 'text/plain', ''],
  browserHeaders: ['x-storefront-access-token', 'x-sdk-client'],
  documentation: layersDocumentation,
  sample: layersSample,
  priorityOf: priorityBy('event_type'),
  // The model has Layers' names.
  names: Object.fromEntries(Object.keys(layersEvents).map((type) => [type, type])),
  credentials: (request) => {
    const token = header(request, 'x-storefront-access-token');
    return token === undefined ? queryToken(request) : { token };
  },
  read,
  single: (event) => `{"events":[${event}]}`,
  view,
  sent: (body, indexes, derivation) => {
    const content = contentOf(body, batch(body));
    return indexes.map((index) => content(derivation, index));
  },
  accepted: (_result, successStatus) => (successStatus === 204 ? { status: 204 } : { status: 201, body: 'null' }),
  refused: ({ status, message }) => ({
    status,
    body: JSON.stringify(status === 401 ? { error: 'Unauthenticated' } : { errors: [message] }),
  }),
};

function read(body: string, rules: Rules): Reading {
  const drafts: Draft[] = [];
  const refused: Refusal[] = [];
  const entries = batch(body);
  const content = contentOf(body, entries);
  const notes = new ReplacedNotes(rules.receivedAt);
  let slices: readonly string[] | undefined;
  for (let index = 0; index < entries.length; index += 1) {
    const wrong = objection(entries[index], rules);
    if (wrong === undefined) drafts.push(layersDraft(index, entryAt(entries, index), content, notes));
    else {
      slices ??= eventSlices(body);
      refused.push(refusal(index, entries[index], wrong, slices[index] ?? body));
    }
  }
  return { events: drafts, refused, ...(notes.found && { replaced: notes.found }) };
}

function view(body: string, indexes: readonly number[], context: Context, derivations?: readonly number[]): Event[] {
  const entries = batch(body);
  const view = layersViewer(context, contentOf(body, entries));
  return indexes.map((index, i) => view(entryAt(entries, index), index, derivations?.[i]));
}

const entryAt = (entries: readonly unknown[], index: number): Json => object(entries[index]) ?? {};

/** One function for all events of a body. */
function contentOf(body: string, read: readonly unknown[]): ContentOf {
  const entries = contentBy(body, read, batch);
  return (derivation, index) => entryAt(entries(derivation), index);
}

interface Objection {
  readonly code: string;
  readonly faults: readonly Fault[];
}

const validators = new Map(Object.entries(layersEvents).map(([type, schema]) => [type, Compile(needed(schema))]));
const customValidator = Compile(needed(LayersCustomEvent));

/** Why an entry may not be stored; undefined if it may. */
function objection(entry: unknown, rules: Rules): Objection | undefined {
  const event = object(entry);
  if (!event) return invalid({ path: '', expected: 'an object', got: shown(entry) });
  const much = excess(event, rules.limits);
  if (much) return { code: much.code, faults: [much] };

  const type = event.event_type;
  if (typeof type !== 'string') return invalid(unnamed('event_type', type, eventTypes));
  const validator = validators.get(type) ?? (rules.customEvents.has(type) ? customValidator : undefined);
  if (!validator) return { code: 'unknown_type', faults: [unnamed('event_type', type, eventTypes)] };
  return validator.Check(event) ? undefined : invalid(...faults(validator.Type(), event));
}

const eventTypes = [...validators.keys()];

const invalid = (...faults: readonly Fault[]): Objection => ({ code: 'invalid', faults });

const refusal = (index: number, entry: unknown, { code, faults }: Objection, raw: string): Refusal => ({
  index,
  ...named(object(entry)),
  code,
  reasons: faults.map(
    ({ path, expected, got }) => `${joined(`events[${index}]`, path)}: expected ${expected}, got ${got}`,
  ),
  raw,
});

const named = (event: Json | undefined) => ({ id: excerpt(event?.event_id), name: excerpt(event?.event_type) });
