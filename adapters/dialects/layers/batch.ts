import { type Manner, parseBody } from '../body.ts';
import { RequestRefused } from '../dialect.ts';
import { listed, nonEmpty, object } from '../values.ts';
import { shown } from '../words.ts';
import { maxEvents } from './shapes.ts';

/** The entries of a Layers body, not yet looked at. Throws RequestRefused(422) if the body as a whole is wrong. */
export function batch(body: string, manner?: Manner): readonly unknown[] {
  const refuse = (code: string, message: string): never => {
    throw new RequestRefused(422, message, { code, reasons: [message], raw: body });
  };
  const parsed = parseBody(body, manner);
  if (parsed.kind === 'refused') return refuse(parsed.code, `the body must be ${wanted}, got ${parsed.got}`);
  const value = object(parsed.value);
  if (!value) return refuse('not_an_object', `the body must be ${wanted}, got ${shown(parsed.value)}`);

  if (value.events === undefined) return refuse('events_missing', `events must be ${list}, got nothing`);
  const events = saysSomething(value.events) && listed(value.events);
  if (!events) return refuse('events_not_array', `events must be ${list}, got ${shown(value.events)}`);
  if (events.length === 0) return refuse('events_empty', `events must have ${some}, got 0`);
  if (events.length > maxEvents) return refuse('events_too_many', `events must have ${some}, got ${events.length}`);
  return events;
}

// An object without keys may never have been a list.
const saysSomething = (value: unknown): boolean => Array.isArray(value) || nonEmpty(value) !== undefined;

const some = `1 to ${maxEvents} entries`;
const list = `an array of ${some}`;
const wanted = `a JSON object with events, ${list}`;
