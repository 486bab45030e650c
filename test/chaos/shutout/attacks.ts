import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { brotliCompressSync, constants, createBrotliCompress, gzipSync } from 'node:zlib';
import { layersOrder, post } from '../post.ts';
import { ADMIN_TOKEN, ATTACKER, type Attack, head, hold, repeat } from './attack.ts';
import { moreAttacks } from './more-attacks.ts';

const BODY = 256 * 1024;
const chunk = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
const gzipName = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(BODY, 'x')]);

/** A few bytes of brotli that become 255 KB, flushed and not ended. */
const flushed = await new Promise<Buffer>((resolve) => {
  const brotli = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });
  const pieces: Buffer[] = [];
  brotli.on('data', (piece) => pieces.push(piece));
  brotli.write(Buffer.alloc(255_000, ' '));
  brotli.flush(() => setImmediate(() => resolve(Buffer.concat(pieces))));
});

const large = (() => {
  const event = { event_type: 'product_view', timestamp: '2026-06-01T12:00:00Z', session_id: 's', product_id: 1 };
  const events = Array.from({ length: 100 }, (_, n) => ({ ...event, event_id: `a-${n}`, query: 'q'.repeat(200) }));
  return JSON.stringify({ events });
})();

/** Those of the report, and five more of their kind. */
export const attacks: readonly Attack[] = [
  {
    name: 'gzip-name',
    does: 'a gzip header whose name has 40 MB, then silence',
    run: (port, signal) =>
      hold(4, {
        port,
        signal,
        begin: (socket) => {
          socket.write(head(`Content-Encoding: gzip\r\nContent-Length: ${40 * 1024 ** 2}`));
          socket.write(gzipName);
          for (let n = 0; n < 160; n += 1) socket.write(Buffer.alloc(BODY, 'x'));
        },
      }),
  },
  {
    name: 'unfinished',
    does: '160 bodies that end one byte early',
    run: (port, signal) =>
      hold(160, {
        port,
        signal,
        begin: (socket) => {
          socket.write(head(`Content-Length: ${BODY}`));
          socket.write(Buffer.alloc(BODY - 1, ' '));
        },
      }),
  },
  {
    name: 'brotli-held',
    does: '1,000 brotli streams that became 255 KB each and stay open',
    run: (port, signal) =>
      hold(1000, {
        port,
        signal,
        begin: (socket) => {
          socket.write(head('Content-Encoding: br\r\nTransfer-Encoding: chunked'));
          socket.write(chunk(flushed));
        },
      }),
  },
  {
    name: 'unread-pages',
    does: '200 readers of /openapi.json and /metrics that never read',
    run: (port, signal) =>
      hold(200, {
        port,
        signal,
        reads: false,
        begin: (socket) =>
          repeat(socket, 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n', 50),
      }),
  },
  {
    name: 'drips',
    does: '300 bodies of 200 KB that go on by 1 KB a second',
    run: (port, signal) =>
      hold(300, {
        port,
        signal,
        begin: (socket) => {
          socket.write(head(`Content-Length: ${BODY}`));
          socket.write(Buffer.alloc(200_000, ' '));
          repeat(socket, Buffer.alloc(1100, ' '), 1000);
        },
      }),
  },
  {
    name: 'chunk-dust',
    does: '300 bodies in chunks of one byte, and their end never comes',
    run: (port, signal) =>
      hold(300, {
        port,
        signal,
        begin: (socket) => {
          socket.write(head('Transfer-Encoding: chunked'));
          socket.write('1\r\n \r\n'.repeat(4900));
        },
      }),
  },
  {
    name: 'large-bodies',
    does: '50 clients that send whole bodies of 100 events as fast as they are answered',
    run: (port, signal) =>
      hold(50, {
        port,
        signal,
        begin: (socket) => {
          const send = () => socket.write(head(`Content-Length: ${large.length}`) + large);
          socket.on('data', send);
          send();
        },
      }),
  },
  {
    name: 'bombs',
    does: '20 clients that send bombs of gzip and brotli in turn',
    run: (port, signal) => {
      const bombs = [gzipSync(Buffer.alloc(8 << 20)), brotliCompressSync(Buffer.alloc(8 << 20))];
      hold(20, {
        port,
        signal,
        begin: (socket) => {
          let sent = 0;
          const send = () => {
            const bomb = bombs[sent++ % 2] as Buffer;
            socket.write(head(`Content-Encoding: ${sent % 2 ? 'gzip' : 'br'}\r\nContent-Length: ${bomb.length}`));
            socket.write(bomb);
          };
          socket.on('data', send);
          send();
        },
      });
    },
  },
  {
    name: 'silent-headers',
    does: '1,500 connections that stop within 12 KB of headers',
    run: (port, signal) =>
      hold(1500, {
        port,
        signal,
        begin: (socket) => void socket.write(`POST /beacon HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(12_000)}`),
      }),
  },
  {
    name: 'look-back',
    does: '20 clients that repeat a hundred ids which lie far apart on the log',
    run: (port, signal) => void lookBack(port, signal),
  },
  {
    name: 'operator-looks',
    does: 'refused bodies of 250 KB, and an operator who lists, exports and asks for them',
    run: (port, signal) => void operatorLooks(port, signal),
  },
  ...moreAttacks,
];

const search = (event_id: string, pad = '') => ({
  event_type: 'search',
  event_id,
  timestamp: new Date().toISOString(),
  session_id: 's',
  query: `q${pad}`,
});

/** A hundred records of 190 KB, each with an id of its own; then requests with all of these ids. */
async function lookBack(port: number, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const ids = Array.from({ length: 100 }, (_, n) => `far-${n}`);
  for (const id of ids) {
    const pads = Array.from({ length: 24 }, (_, n) => search(`${id}-${n}`, 'x'.repeat(8000)));
    await post({ port, agent, ...layersOrder(ATTACKER, [search(id), ...pads]) });
  }
  const known = JSON.stringify({ events: ids.map((id) => search(id)) });
  hold(20, {
    port,
    signal,
    begin: (socket) => {
      const send = () => socket.write(head(`Content-Length: ${known.length}`) + known);
      socket.on('data', send);
      send();
    },
  });
}

/** Two hundred refused bodies of 250 KB; then somebody looks at them again and again. */
async function operatorLooks(port: number, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const { headers } = layersOrder(ATTACKER, []);
  for (let n = 0; n < 200; n += 1)
    await post({ port, agent, path: '/beacon', headers, body: `no JSON ${n} ${'x'.repeat(250_000)}` });
  const authorization = `Bearer ${ADMIN_TOKEN}`;
  while (!signal.aborted)
    for (const path of ['quarantine?limit=1000', 'receipts/unknown', 'export/quarantine'])
      await fetch(`http://127.0.0.1:${port}/admin/${path}`, { headers: { authorization }, signal })
        .then((reply) => reply.arrayBuffer())
        .catch(() => {});
}

function lasting(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

/** Runs the named one from the first message until this process is ended. */
if (process.argv[1] === import.meta.filename) {
  const { name, port } = JSON.parse(process.argv[2] ?? '{}') as { name: string; port: number };
  process.once('message', () => attacks.find((attack) => attack.name === name)?.run(port, lasting()));
  process.send?.('ready');
}
