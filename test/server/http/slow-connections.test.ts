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

// Headers and standing still: 1 s. A body that moves: 6 s. Idle: 4 s.
const times = { HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '3', KEEP_ALIVE_TIMEOUT_SECONDS: '4' };

describe('a slow connection', ({ it, before, after }) => {
  let gateway: Gateway;
  const lines: Line[] = [];
  before(async () => {
    gateway = await gatewayWith(config, times);
  });
  after(async () => {
    for (const line of lines) line.end();
    await gateway.stop();
  });
  const open = () => {
    const line = new Line(gateway.port);
    lines.push(line);
    return line;
  };
  const head = (bytes: number) => `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: ${bytes}\r\n\r\n`;

  it('that was opened ahead is answered as long as an idle one would be, and then closed without a word', async () => {
    const [used, unused, idle] = [open(), open(), open()];
    idle.write(beacon(event()));
    await idle.answered();
    await pause(2_500);
    assert.ok(used.isOpen && unused.isOpen && idle.isOpen);
    used.write(beacon(event()));
    assert.is(await used.answered(), '201');
    await Promise.all([unused.closed, idle.closed]);
    assert.is(unused.text, '');
    assert.is(idle.text.match(/HTTP\/1.1/g)?.length, 1);
  });

  it('may take its time between the bytes before its first one, and not within its headers', async () => {
    const line = open();
    await pause(2_000);
    line.write(head(2).slice(0, 30));
    assert.is(await line.answered(), '408');
    await line.closed;
  });

  it('may send a body for as long as it moves', async () => {
    const text = event({ query: 'x'.repeat(7_000) });
    const line = open();
    line.write(head(text.length));
    // 7 KB in 3.5 s, which is longer than a request may take that does not move.
    await line.drip(text, 512, 250);
    assert.is(await line.answered(), '201');
  });

  it('may send a small body slowly', async () => {
    const text = event();
    assert.ok(text.length < 300);
    const line = open();
    line.write(head(text.length));
    await line.drip(text, Math.ceil(text.length / 8), 400);
    assert.is(await line.answered(), '201');
  });

  it('whose body stands still is told so', async () => {
    const line = open();
    line.write(`${head(5_000)}{"events":[`);
    assert.is(await line.answered(), '408');
    assert.match(line.text, /stood still/);
  });

  it('whose body moves a byte at a time is told so too', async () => {
    const line = open();
    line.write(head(5_000));
    await line.drip(' '.repeat(5_000), 1, 50);
    assert.is(await line.answered(), '408');
  });

  it('whose body moves beyond all bounds is closed', async () => {
    const line = open();
    line.write(head(200_000));
    await line.drip(' '.repeat(200_000), 2_048, 200);
    await line.closed;
    assert.not.match(line.text, /HTTP\/1.1 20/);
  });
});
