/** A complete HTTP request, and where its event ids and the last digits of its session ids begin: both are rewritten in place before every send. */
export interface Template {
  readonly bytes: Buffer;
  readonly ids: readonly number[];
  readonly sessions: readonly number[];
}

/** Gives 32 new bits at each call. */
export type Bits = () => number;

const blank = '00000000-0000-4000-8000-000000000000';
/** All of a session id but its last two digits. */
const session = '5f1c3a9e-7b1d-4c55-9a55-0000000000';

/** One `POST /beacon` with this many Layers events of about 340 bytes each. */
export function template(events: number, token: string): Template {
  const body = JSON.stringify({ events: Array.from({ length: events }, (_, index) => layersEvent(index)) });
  const head = [
    'POST /beacon HTTP/1.1',
    'Host: 127.0.0.1',
    `X-Storefront-Access-Token: ${token}`,
    'Content-Type: application/json',
    'User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    `Content-Length: ${Buffer.byteLength(body)}`,
    '\r\n',
  ].join('\r\n');
  const bytes = Buffer.from(head + body);
  const sessions = placesOf(session, bytes).map((at) => at + session.length);
  return { bytes, ids: placesOf(blank, bytes), sessions };
}

/** A request of its own for each connection, since two may be on their way at once. */
export const copyOf = ({ bytes, ...places }: Template): Template => ({ bytes: Buffer.from(bytes), ...places });

/**
 * Gives every event a fresh random UUID, without which the gateway would find duplicates and store nothing, and one of 256
 * shoppers, without whom all would take the same lane of a pipeline.
 */
export function renew({ bytes, ids, sessions }: Template, bits: Bits): void {
  for (const at of sessions) write8(bytes, at, bits() & 255);
  for (const at of ids) {
    write32(bytes, at, bits());
    const second = bits();
    write16(bytes, at + 9, second >>> 16);
    // The version nibble of a UUID stays 4, its variant nibble 8.
    bytes[at + 15] = digits[second & 15] as number;
    write8(bytes, at + 16, (second >>> 4) & 255);
    const third = bits();
    bytes[at + 20] = digits[third >>> 28] as number;
    write8(bytes, at + 21, (third >>> 8) & 255);
    write16(bytes, at + 24, third & 0xffff);
    write32(bytes, at + 28, bits());
  }
}

/** Random bits (xorshift128): cheap enough not to weigh on the load, and wide enough that ids do not meet. */
export function randomBits(seed: number): Bits {
  let [x, y, z, w] = [seed | 1, 362436069, 521288629, 88675123 ^ seed];
  const next = () => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return w;
  };
  for (let round = 0; round < 64; round += 1) next();
  return next;
}

function layersEvent(index: number): object {
  return {
    event_id: blank,
    event_type: 'product_view',
    timestamp: '2026-06-01T14:30:00.000Z',
    session_id: `${session}00`,
    device_id: '0b6f3c1e-52a4-4f0e-8f57-2b8f6a1c9d3e',
    attribution_token: 'k3J9sQ2mZx8Lw0Vt7RbN5cYp1HdGfA4u',
    product_id: 7_982_300_000_000 + index,
    variant_id: 43_129_800_000_000 + index,
    contextual_data: {},
  };
}

function placesOf(text: string, bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) places.push(at);
  return places;
}

const digits = Buffer.from('0123456789abcdef');

function write8(bytes: Buffer, at: number, value: number): void {
  bytes[at] = digits[value >>> 4] as number;
  bytes[at + 1] = digits[value & 15] as number;
}

function write16(bytes: Buffer, at: number, value: number): void {
  write8(bytes, at, value >>> 8);
  write8(bytes, at + 2, value & 255);
}

function write32(bytes: Buffer, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 4, value & 0xffff);
}
