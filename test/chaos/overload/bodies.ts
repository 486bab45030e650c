/** What a request is about: seeing products, or carts too. */
export type Kind = 'browse' | 'sale';

/** A whole request, made once. */
export interface Body {
  readonly bytes: Buffer;
  /** Gives every event of it a new id; returns the first one. */
  renew(number: number): string;
}

export const TOKEN = 'token-of-the-overload';
const DIGITS = 8;
const MARK = '#'.repeat(DIGITS);

/** Events with ids `<name>-<kind>-<place>-<number>`; the last of a body about carts is the one that is. */
export function bodyFor(kind: Kind, events: number, name: string): Body {
  const json = JSON.stringify({
    events: Array.from({ length: events }, (_, place) => ({
      event_id: `${name}-${kind}-${place}-${MARK}`,
      event_type: kind === 'sale' && place === events - 1 ? 'add_to_cart' : 'product_view',
      timestamp: '2026-06-01T12:00:00.000Z',
      session_id: `${name}-session`,
      product_id: 7_982_300_000_000 + place,
      contextual_data: { page_url: 'https://shop.example.com/products/a-shoe', note: '.'.repeat(120) },
    })),
  });
  const head = [
    'POST /beacon HTTP/1.1',
    'host: gateway',
    `x-storefront-access-token: ${TOKEN}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(json)}`,
  ].join('\r\n');
  const bytes = Buffer.from(`${head}\r\n\r\n${json}`);
  const places = placesOf(bytes);
  return {
    bytes,
    renew(number) {
      const digits = String(number).padStart(DIGITS, '0');
      const fresh = Buffer.from(digits);
      for (const place of places) fresh.copy(bytes, place);
      return `${name}-${kind}-0-${digits}`;
    },
  };
}

function placesOf(bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + DIGITS)) places.push(at);
  return places;
}
