import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { createInputScheduler } from '../../../server/overload/input-scheduler.ts';
import { describe } from '../../support/describe.ts';

/** As much of a connection as is asked for. */
class FakeSocket extends EventEmitter {
  destroyed = false;
  #paused = false;
  pause() {
    this.#paused = true;
  }
  resume() {
    this.#paused = false;
    this.emit('resume');
  }
  isPaused() {
    return this.#paused;
  }
  destroy() {
    this.destroyed = true;
  }
}

/** An input scheduler on a clock of its own, which advances by `pieceMs` with each piece that is parsed. */
function schedulerWith({ pieceMs = 1, isOfOneClient = true } = {}) {
  let time = 0;
  let idleMs = 0;
  let ended = 0;
  const parsed: string[] = [];
  const lastAnswers = new Set<Socket>();
  const inputs = createInputScheduler({
    isOfOneClient,
    hasLastAnswer: (socket) => lastAnswers.has(socket),
    onFull: () => {
      ended += 1;
    },
    now: () => time,
    idle: () => idleMs,
  });
  return {
    parsed,
    ended: () => ended,
    of: (name: string) => parsed.filter((piece) => piece.startsWith(`${name}:`)),
    pass: (ms: number) => {
      time += ms;
    },
    rest: (ms: number) => {
      time += ms;
      idleMs += ms;
    },
    /** A new and therefore untrusted connection; `whileParsed` is called with each piece. */
    open(name: string, whileParsed = (_socket: FakeSocket): void => {}) {
      const socket = new FakeSocket();
      const own = socket as unknown as Socket;
      const input = inputs.attach(own, {
        take: (bytes) => {
          time += pieceMs;
          parsed.push(`${name}:${bytes.length}`);
          whileParsed(socket);
        },
        end: () => parsed.push(`${name}:end`),
      });
      const answered = (status: number, isPost = true) => inputs.answered(own, status, isPost);
      const followsOthers = () => inputs.followsOthers(own);
      const answeredLast = () => lastAnswers.add(own);
      return { socket, input, answered, answeredLast, followsOthers, discard: () => inputs.discard(own) };
    },
  };
}

const DUST = '1\r\n \r\n';
const dust = (chunks: number) => Buffer.from(DUST.repeat(chunks));
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const event = Buffer.from('POST /beacon HTTP/1.1\r\n\r\n{}');
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
};

describe('what connections send', ({ it }) => {
  it('is parsed at once where nobody waits', () => {
    const all = schedulerWith();
    all.open('a').input.take(event);
    assert.equal(all.parsed, [`a:${event.length}`]);
  });

  it('is parsed in pieces of 64 chunks where it is dust, and not all in one turn', async () => {
    const all = schedulerWith({ pieceMs: 0.2 });
    all.open('dust').input.take(dust(5000));
    assert.is(all.parsed.length, 0);
    await turns(3);
    assert.ok(all.parsed.length >= 1 && all.parsed.length <= 20, `${all.parsed.length} pieces in three turns`);
    for (const piece of all.parsed) assert.is(piece, `dust:${64 * DUST.length}`);
  });

  it('of newcomers has all the time in which nothing else is done, and a quarter of what is busy', async () => {
    for (const [kind, least, most] of [
      ['rest', 99, 100],
      ['pass', 20, 40],
    ] as const) {
      const all = schedulerWith();
      for (let count = 0; count < 100; count += 1) {
        const { input, discard } = all.open('newcomer');
        input.take(event);
        await turns(1);
        all[kind](1);
        discard();
      }
      assert.ok(all.parsed.length >= least && all.parsed.length <= most, `${kind}: ${all.parsed.length}`);
    }
  });

  it('of a newcomer is parsed between the pieces of the others', async () => {
    const all = schedulerWith({ pieceMs: 0.01 });
    for (const name of ['a', 'b', 'c']) all.open(name).input.take(dust(2000));
    all.open('newcomer').input.take(event);
    await turns(2);
    assert.is(all.parsed.indexOf(`newcomer:${event.length}`), 3);
  });

  it('of a client whose requests are taken never waits for untrusted ones', async () => {
    const all = schedulerWith();
    const good = all.open('good');
    good.input.take(event);
    good.answered(201);
    for (let count = 0; count < 50; count += 1) all.open('dust').input.take(dust(2000));
    await turns(2);
    const before = all.of('good').length;
    good.input.take(event);
    assert.is(all.of('good').length, before + 1);
  });

  it('of a client whose requests are refused again and again is read only after a while, but for proxies', async () => {
    for (const isOfOneClient of [true, false]) {
      const all = schedulerWith({ pieceMs: 0, isOfOneClient });
      const { input, answered } = all.open('a');
      for (let count = 0; count < 8; count += 1) answered(429);
      input.take(event);
      await turns(5);
      assert.is(all.parsed.length, isOfOneClient ? 0 : 1);
    }
  });

  it('of a client that waited long enough after its refusals is read at once', () => {
    const all = schedulerWith();
    const { input, answered } = all.open('a');
    for (let count = 0; count < 20; count += 1) answered(429);
    all.pass(1100);
    input.take(event);
    assert.is(all.parsed.length, 1);
  });

  it('is read as before where the gateway refused for its own sake', () => {
    const all = schedulerWith();
    const { input, answered } = all.open('a');
    for (let count = 0; count < 20; count += 1) answered(503);
    input.take(event);
    assert.is(all.parsed.length, 1);
  });

  it('keeps its order, and its end comes last', async () => {
    const all = schedulerWith({ pieceMs: 0 });
    const { input } = all.open('a');
    input.take(dust(100));
    input.take(Buffer.from('last'));
    input.end();
    await turns(20);
    assert.equal(all.parsed, ['a:384', 'a:216', 'a:4', 'a:end']);
  });

  it('waits while the parser wants no more', async () => {
    const all = schedulerWith({ pieceMs: 0 });
    const { input, socket } = all.open('a', (own) => own.pause());
    input.take(dust(200));
    await turns(20);
    assert.is(all.parsed.length, 1);
    socket.resume();
    await turns(20);
    assert.is(all.parsed.length, 2);
  });

  it('is thrown away behind the last answer, and where the connection is gone', async () => {
    const all = schedulerWith({ pieceMs: 0 });
    const first = all.open('a');
    first.input.take(dust(2000));
    first.discard();
    const second = all.open('b');
    second.input.take(dust(2000));
    second.socket.emit('close');
    const third = all.open('c', (own) => own.destroy());
    third.input.take(dust(2000));
    await turns(20);
    assert.equal(all.parsed, ['c:384']);
  });

  it('is held to 32 MB of all connections; past it only plain input is taken', () => {
    const all = schedulerWith({ pieceMs: 0 });
    for (let count = 0; count < 512; count += 1) all.open('a').input.take(Buffer.alloc(64 * 1024, DUST));
    assert.is(all.ended(), 0);
    all.open('more').input.take(Buffer.alloc(64 * 1024, DUST));
    assert.is(all.ended(), 1);
    const plain = all.open('plain');
    plain.input.take(Buffer.alloc(20_000, ' '));
    plain.input.take(Buffer.alloc(20_000, ' '));
    assert.is(all.of('plain').length, 2);
  });

  it('in large amounts is rationed, unless it leads to something', async () => {
    for (const status of [undefined, 201]) {
      const all = schedulerWith({ pieceMs: 0 });
      for (let count = 0; count < 400; count += 1) {
        const { input, answered } = all.open(`${count}`, () => status && setImmediate(() => answered(status)));
        input.take(Buffer.alloc(64 * 1024, ' '));
        await turns(4);
      }
      const bytes = all.parsed.length * 64 * 1024;
      if (status === undefined) assert.ok(bytes < 17 * 1024 ** 2, `${bytes} bytes were read`);
      else assert.is(all.parsed.length, 400);
    }
  });
});

describe('requests that come together', ({ it }) => {
  const flood = Buffer.from(GET.repeat(2300));
  /** Hundreds of clients that send them, until no more bytes of theirs are parsed for now. */
  async function flooded() {
    const all = schedulerWith({ pieceMs: 0 });
    for (let count = 0; count < 400; count += 1) all.open('flood').input.take(flood);
    // Until no turn parses any.
    for (let before = -1; before < all.parsed.length; await turns(20)) before = all.parsed.length;
    return all;
  }

  it('are parsed four at a time, and known to be behind others', async () => {
    const behind: boolean[] = [];
    const all = schedulerWith({ pieceMs: 0 });
    const { input, followsOthers } = all.open('a', () => behind.push(followsOthers()));
    input.take(Buffer.from(GET.repeat(10)));
    await turns(10);
    assert.equal(all.parsed, [`a:${4 * GET.length}`, `a:${4 * GET.length}`, `a:${2 * GET.length}`]);
    assert.equal(behind, [false, true, true]);
    input.take(event);
    assert.equal(behind.slice(3), [false]);
  });

  it('are counted by the empty lines behind their heads, however these end', async () => {
    for (const request of ['GET /\n\n', 'GET / HTTP/1.0\nA: b\n\r\n', '\r\n\r\nGET / HTTP/1.0\r\n\r\n']) {
      const all = schedulerWith({ pieceMs: 0 });
      all.open('a').input.take(Buffer.from(request.repeat(40)));
      await turns(20);
      assert.ok(all.parsed.length >= 10, `${JSON.stringify(request)} in ${all.parsed.length} pieces`);
    }
  });

  it('are rationed: a thousand at once, and no more until later', async () => {
    const all = await flooded();
    const requests = all.parsed.length * 4;
    assert.ok(requests >= 1024 && requests < 1040, `${requests} were parsed`);
  });

  it('are given no more for what is answered, unless it is taken', async () => {
    for (const isPost of [false, true]) {
      const all = schedulerWith({ pieceMs: 0 });
      for (let count = 0; count < 400; count += 1) {
        const { input, answered, discard } = all.open('a', () => setImmediate(() => answered(200, isPost)));
        input.take(flood);
        await turns(6);
        discard();
      }
      const requests = all.parsed.length * 4;
      assert.ok(isPost ? requests > 1100 : requests < 1040, `${requests} were parsed`);
    }
  });

  it('hold up no newcomer: neither one request, nor one in chunks, nor a large one', async () => {
    const all = await flooded();
    all.open('small').input.take(event);
    assert.is(all.of('small').length, 1);
    // Its end looks like that of another head.
    all.open('chunked').input.take(Buffer.from(`${event}${DUST.repeat(200)}0\r\n\r\n`));
    await turns(10);
    assert.ok(all.of('chunked').length >= 4, `${all.of('chunked').length} pieces in chunks`);
    all.open('large').input.take(Buffer.alloc(20_000, ' '));
    // As soon as there is a byte for anybody. Timers go by the clock of the machine.
    all.pass(1000);
    for (let count = 0; count < 200 && all.of('large').length === 0; count += 1) await setTimeout(5);
    assert.is(all.of('large').length, 1);
    assert.is(
      all.parsed.indexOf('large:20000') - all.parsed.indexOf(`small:${event.length}`),
      1 + all.of('chunked').length,
    );
  });

  it('take half of the memory for unparsed input: past it they are ended, and others are not', async () => {
    const all = schedulerWith({ pieceMs: 0 });
    for (let count = 0; count < 300; count += 1) all.open('flood').input.take(flood);
    const room = 16 * 1024 ** 2;
    assert.is(all.ended(), 300 - Math.floor(room / flood.length));
    all.open('dust').input.take(dust(2000));
    await turns(20);
    assert.is(all.ended(), 300 - Math.floor(room / flood.length));
    assert.ok(all.of('dust').length > 0);
  });

  it('are thrown away behind one whose answer is the last, and what is asked later is parsed', async () => {
    const all = schedulerWith({ pieceMs: 0 });
    const { input, answeredLast } = all.open('a', () => answeredLast());
    input.take(Buffer.from(GET.repeat(10)));
    await turns(10);
    assert.equal(all.parsed, [`a:${4 * GET.length}`]);
    input.take(event);
    assert.is(all.parsed.length, 2);
  });
});
