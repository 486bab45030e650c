import type { Batch, Tools } from '../../adapters/destinations/destination.ts';
import type { Event } from '../../schemas/event.ts';

/** Events with a bit of everything: positions from `first` on, ids from position. */
export function sampleBatch(size: number, first = 1): Batch {
  const positions = Array.from({ length: size }, (_, index) => first + index);
  return {
    shop: 'demo.myshopify.com',
    pipeline: 'archive',
    id: `batch_${first}-${first + size - 1}`,
    events: positions.map((position) => ({ position, event: sampleEvent(position) })),
  };
}

export const sampleEvent = (position: number): Event => ({
  event_id: `event-${position}`,
  id_source: 'client',
  event_type: 'product_view',
  name: 'product_viewed',
  dialect: 'glood',
  shop: 'demo.myshopify.com',
  timestamp: '2026-03-01T12:00:00.000Z',
  timestamp_source: 'client',
  received_at: '2026-03-01T12:00:01.000Z',
  session_id: `session-${position % 3}`,
  product_id: '7982301536444',
  query: 'Käse "☕" \u2028\r\n\t\u0000 👩‍👩‍👧 \ud800 </script>',
  trust: 'public',
  custom_data: { deep: { list: [1, 2.5, null, true, { a: 'ž' }] } },
});

/** What a destination gets lent in tests, and what it logged. */
export function testTools(): Tools & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(`${message} ${inText(fields)}`);
  return { now: Date.now, logger: { warn: note, info: note }, lines };
}

/** Errors too, with what they carry; for searching in it and for messages. */
export const inText = (value: unknown): string =>
  value instanceof Error
    ? `${value.stack} ${inText({ ...value })}`
    : JSON.stringify(value, (_, inner) =>
        inner instanceof Error ? `${inner.stack} ${JSON.stringify({ ...inner })}` : inner,
      );
