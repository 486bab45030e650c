import type { View } from '../../dialects/dialect.ts';
import type { LogRecord } from '../log.ts';

/**
 * The record with the ids that the first version derives. Pages of format 1 do not say by which version an id was made, and are written
 * while a process is here that knows no other: it derives the ids that it reads in its own way. What that takes for an id although it is
 * none, such as "undefined", is not known by it: the second event that came with it would be lost.
 */
export function withOldIds(record: LogRecord, view: View): LogRecord {
  const { dialect, body, context, events } = record;
  if (!events.some(({ derived = 0 }) => derived > 1)) return record;
  const indexes = events.map(({ index }) => index);
  const old = view(
    dialect,
    body.toString(),
    indexes,
    context,
    indexes.map(() => 0),
  );
  return {
    ...record,
    events: events.map((draft, i) => {
      const { event_id: id = draft.id, id_source } = old[i] ?? {};
      return id_source === 'derived' ? { ...draft, id, derived: 1 } : draft;
    }),
  };
}
