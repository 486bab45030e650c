import type { View } from '../../dialects/dialect.ts';
import type { LogRecord } from '../log.ts';

/**
 * The record with ids as the first version derives them. Pages of format 1 do not store the version of an id. They are written while a process
 * is connected that knows no other, and that derives ids in its own way. It would take some invalid ids, such as "undefined", for ids, so the
 * second event with one would be lost there.
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
