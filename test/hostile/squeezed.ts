import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { good, type Input, one } from './pieces.ts';
import { beacon, chunked, host, request, token } from './wire.ts';

const encoded = (name: string, encoding: string, bytes: Buffer, answer: number, taken?: number): Input => ({
  name,
  answers: [answer],
  ...(taken !== undefined && { taken }),
  sending: () => one(beacon(bytes, [`Content-Encoding: ${encoding}`])),
});

const flagged = (flags: number, extra: Buffer): Buffer => {
  const plain = gzipSync(good());
  return Buffer.concat([plain.subarray(0, 3), Buffer.from([flags]), plain.subarray(4, 10), extra, plain.subarray(10)]);
};

/** Compressed bodies that are put together wrong, or only unusually. */
export const squeezed: readonly Input[] = [
  encoded('two gzip members that are one body', 'gzip', members(), 201, 1),
  encoded('a gzip member, and then text', 'gzip', Buffer.concat([gzipSync(good()), Buffer.from('and more')]), 400),
  encoded(
    'a gzip member, and one cut short',
    'gzip',
    Buffer.concat([gzipSync(good()), gzipSync('x'.repeat(99)).subarray(0, 15)]),
    400,
  ),
  encoded(
    'a gzip member, and a bomb',
    'gzip',
    Buffer.concat([gzipSync(good()), gzipSync(Buffer.alloc(10 << 20))]),
    413,
  ),
  encoded('gzip with a name of 100 KB', 'gzip', flagged(8, Buffer.from(`${'x'.repeat(100 * 1024)}\0`)), 201, 1),
  encoded('gzip with a name that never ends', 'gzip', flagged(8, Buffer.alloc(0)).subarray(0, 24), 400),
  encoded('gzip of an unknown method', 'gzip', Buffer.from([0x1f, 0x8b, 9, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]), 400),
  encoded('gzip that wants a dictionary', 'deflate', deflateSync(good(), { dictionary: Buffer.from('events') }), 400),
  encoded('deflate without its wrapping', 'deflate', deflateRawSync(good()), 400),
  encoded('deflate that says it is gzip', 'gzip', deflateSync(good()), 201, 1),
  encoded('br with a window of 1 GB', 'br', Buffer.from([0x11, 0x7f, 0xff, 0xff, 0xff, 0xff]), 400),
  encoded('br that says it is gzip', 'gzip', brotliCompressSync(good()), 400),
  encoded('gzip of nothing', 'gzip', gzipSync(''), 422),
  encoded('nothing that says it is gzip', 'gzip', Buffer.alloc(0), 400),
  encoded('nothing that says it is br', 'br', Buffer.alloc(0), 400),
  encoded('gzip of one byte too many', 'gzip', gzipSync(' '.repeat(256 * 1024 + 1)), 413),
  encoded(
    'gzip of too much, and then text',
    'gzip',
    Buffer.concat([gzipSync(' '.repeat(273 * 1024)), Buffer.from('and more')]),
    413,
  ),
  encoded(
    'br of too much, and then noise',
    'br',
    Buffer.concat([brotliCompressSync(' '.repeat(273 * 1024)), Buffer.alloc(9, 0xff)]),
    413,
  ),
  encoded(
    'deflate of too much, with a wrong sum',
    'deflate',
    Buffer.concat([deflateSync(' '.repeat(273 * 1024)).subarray(0, -4), Buffer.alloc(4, 0xff)]),
    413,
  ),
  encoded('a bomb in a bomb', 'gzip', gzipSync(gzipSync(Buffer.alloc(100 << 20))), 422),
  encoded('Content-Encoding: GZIP', 'GZIP', gzipSync(good()), 201, 1),
  encoded('Content-Encoding: identity', 'identity', Buffer.from(good()), 201, 1),
  encoded('Content-Encoding: x-gzip', 'x-gzip', gzipSync(good()), 201, 1),
  encoded('Content-Encoding that every object has', '__proto__', gzipSync(good()), 415),
  {
    name: 'gzip in chunks of seven bytes',
    answers: [201],
    taken: 1,
    sending: () => one(chunked(gzipSync(good()), 7, ['Content-Encoding: gzip'])),
  },
  {
    name: 'a br bomb in chunks',
    answers: [413],
    sending: () => {
      const bytes = brotliCompressSync(Buffer.alloc(100 << 20), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
      return one(chunked(bytes, 16, ['Content-Encoding: br']));
    },
  },
  {
    name: 'gzip whose length is stated as 300 KB',
    answers: [400],
    sending: () =>
      one(
        request(
          'POST /beacon HTTP/1.1',
          [host, token, 'Content-Encoding: gzip', 'Content-Length: 300000'],
          gzipSync(good()),
        ),
        { end: true },
      ),
  },
];

/** A body in two halves, each compressed by itself. */
function members(): Buffer {
  const text = good();
  return Buffer.concat([gzipSync(text.slice(0, 40)), gzipSync(text.slice(40))]);
}
