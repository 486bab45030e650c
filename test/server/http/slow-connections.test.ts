import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { beacon, host, token } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';

const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const event = (fields: object = {}) => JSON.stringify({ events: [layersEvent(fields)] });

/** A connection, all that it says, and when it is over. */
class Line {
  readonly #socket: Socket;
  text = '';
  readonly closed: Promise<void>;
  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').on('error', () => {});
    this.#socket.on('data', (chunk) => {
      this.text += String(chunk);
    });
    this.closed = once(this.#socket, 'close').then(() => {});
  }
  get isOpen(): boolean {
    return !this.#socket.closed;
  }
  write(bytes: Buffer | string): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }
  /** The pieces of a text, this long apart, as long as nothing is said. */
  async drip(text: string, pieceBytes: number, apartMs: number): Promise<void> {
    for (let at = 0; at < text.length && this.text === '' && this.isOpen; at += pieceBytes) {
      this.write(text.slice(at, at + pieceBytes));
      await pause(apartMs);
    }
  }
  async answered(): Promise<string> {
    while (this.text === '' && this.isOpen) await pause(10);
    return this.text.slice(9, 12);
  }
  end(): void {
    this.#socket.destroy();
  }
}

// Headers and standing still: 1 s. A body that moves: 4 s. Idle: 3 s.
const times = { HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '2', KEEP_ALIVE_TIMEOUT_SECONDS: '3' };
const head = (bytes: number) => `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: ${bytes}\r\n\r\n`;

type Open = () => Line;
const trials: Readonly<Record<string, (open: Open) => Promise<void>>> = {
  'that was opened ahead is answered as long as an idle one would be, and then closed without a word': async (open) => {
    const [used, unused, idle] = [open(), open(), open()];
    idle.write(beacon(event()));
    await idle.answered();
    await pause(1_500);
    assert.ok(used.isOpen && unused.isOpen && idle.isOpen);
    used.write(beacon(event()));
    assert.is(await used.answered(), '201');
    await Promise.all([unused.closed, idle.closed]);
    assert.is(unused.text, '');
    assert.is(idle.text.match(/HTTP\/1.1/g)?.length, 1);
  },

  'may take its time between the bytes before its first one, and not within its headers': async (open) => {
    const line = open();
    await pause(1_500);
    line.write(head(2).slice(0, 30));
    assert.is(await line.answered(), '408');
    await line.closed;
  },

  'may send a body for as long as it moves': async (open) => {
    const text = event({ query: 'x'.repeat(7_000) });
    const line = open();
    line.write(head(text.length));
    // 7 KB in 2.4 s, which is longer than a request may take that does not move.
    await line.drip(text, 1_200, 400);
    assert.is(await line.answered(), '201');
  },

  'may send a small body slowly': async (open) => {
    const text = event();
    assert.ok(text.length < 300);
    const line = open();
    line.write(head(text.length));
    await line.drip(text, Math.ceil(text.length / 6), 400);
    assert.is(await line.answered(), '201');
  },

  'whose body stands still is told so': async (open) => {
    const line = open();
    line.write(`${head(5_000)}{"events":[`);
    assert.is(await line.answered(), '408');
    assert.match(line.text, /stood still/);
  },

  'whose body moves a byte at a time is told so too': async (open) => {
    const line = open();
    line.write(head(5_000));
    await line.drip(' '.repeat(5_000), 1, 50);
    assert.is(await line.answered(), '408');
  },

  'whose body moves beyond all bounds is closed': async (open) => {
    const line = open();
    line.write(head(200_000));
    await line.drip(' '.repeat(200_000), 2_048, 200);
    await line.closed;
    assert.not.match(line.text, /HTTP\/1.1 20/);
  },
};

describe('a slow connection', ({ it, before, after }) => {
  let gateway: Gateway;
  const lines: Line[] = [];
  const running = new Map<string, Promise<unknown>>();
  before(async () => {
    gateway = await gatewayWith(config, times);
    const open = () => {
      const line = new Line(gateway.port);
      lines.push(line);
      return line;
    };
    // All at once, since they only wait.
    for (const [promise, trial] of Object.entries(trials))
      running.set(
        promise,
        trial(open).catch((error: unknown) => ({ error })),
      );
  });
  after(async () => {
    for (const line of lines) line.end();
    await gateway.stop();
  });

  for (const promise of Object.keys(trials))
    it(promise, async () => {
      const failed = (await running.get(promise)) as { error: unknown } | undefined;
      if (failed) throw failed.error;
    });
});
