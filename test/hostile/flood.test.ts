import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { beacon, type Call, gatewayWith, glood, layersEvent, type Reply, SHOP } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { openStage, type Stage } from './stage.ts';
import { host, token } from './wire.ts';

const LIMIT = 25;
/** What a token is let in with at once: two seconds of its limit. */
const BURST = 2 * LIMIT;
const FLOOD = 20 * BURST;
const CLIENTS = 32;
/** Tokens of the other shop: enough that its own limit is nowhere near. */
const others = Array.from({ length: 10 }, (_, n) => `other-${n}`);
const config = `
shops:
  - shop: ${SHOP}
    tokens: [demo-token]
  - shop: other.myshopify.com
    tokens: [${others.join(', ')}]
`;

let sent = 0;
const headersOfOther = () => ({ 'x-storefront-access-token': String(others[sent++ % others.length]) });

describe('a flood with a token that anyone can read', ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(config, { RATE_PER_TOKEN: String(LIMIT), RATE_PER_SHOP: '0' });
  });
  after(() => stage.stop());

  /** Each on a connection of its own: after refusals a connection is read slowly, and a flood does better without. */
  const knock = (headers: Record<string, string> = {}): Promise<Reply> =>
    beacon(stage.port, [layersEvent()], { headers: { connection: 'close', ...headers } });
  /** Sends this many, as many at a time as there are clients. */
  const many = async (count: number, send: () => Promise<unknown>): Promise<void> => {
    let left = count;
    const client = async () => {
      while (left-- > 0) await send();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  };

  it('of twenty times the limit costs the other shop nothing', async () => {
    const shopper = async () => assert.is((await knock(headersOfOther())).status, 201);
    await many(200, shopper);
    await stage.strain();
    await many(200, shopper);
    const eachTaken = (await stage.strain()).processor / 200;

    const answers: Reply[] = [];
    /** For each request of the other shop, how many of the flood were answered while it waited. */
    const waited: number[] = [];
    const started = performance.now();
    const flooding = many(FLOOD, async () => answers.push(await knock()));
    while (answers.length < FLOOD) {
      const before = answers.length;
      const { status } = await beacon(stage.port, [layersEvent()], { headers: headersOfOther() });
      assert.is(status, 201, 'the other shop was refused');
      waited.push(answers.length - before);
    }
    await flooding;
    const seconds = (performance.now() - started) / 1_000;
    let { stall, processor } = await stage.strain();

    const middle = waited.sort((a, b) => a - b)[Math.floor(waited.length / 2)] ?? 0;
    assert.ok(middle <= 2 * CLIENTS, `half of its requests waited for ${middle} of the flood`);
    const each = processor / (answers.length + waited.length);
    assert.ok(each < 1.5 * eachTaken, `each took ${each} ms of the processor, alone ${eachTaken} ms`);
    // A garbage collection that was due anyway does not meet three floods.
    for (let again = 0; again < 2 && stall >= 50; again += 1) {
      await many(FLOOD, () => knock());
      stall = (await stage.strain()).stall;
    }
    assert.ok(stall < 50, `${stall} ms in one piece`);

    const accepted = answers.filter(({ status }) => status === 201).length;
    assert.ok(accepted >= BURST, `only ${accepted} were taken`);
    assert.ok(accepted <= BURST + LIMIT * seconds + 1, `${accepted} were taken in ${seconds} s`);
    for (const { status, headers } of answers)
      if (status !== 201) assert.equal([status, headers['retry-after']], [429, '1']);
  });

  it('is refused in the words of the contract, before the body is read, and over all that name the shop alone', async () => {
    const own = await gatewayWith(`shops: [{ shop: ${SHOP}, tokens: [t], glood: { allowShopHeaderOnly: true } }]`, {
      RATE_PER_SHOP: '1',
      RATE_PER_TOKEN: '0',
    });
    const anybody: Call = { headers: { authorization: '' } };
    const replies: Reply[] = [];
    for (let i = 0; i < 3; i += 1) replies.push(await glood(own.port, { event: { id: 'x' } }, anybody));
    assert.equal(
      replies.map(({ status }) => status),
      [400, 400, 429],
    );
    assert.is(JSON.parse(replies[2]?.body ?? '').error, 429);
    const large = await beacon(own.port, [], { headers: { 'x-storefront-access-token': 't' }, body: 'x'.repeat(9e6) });
    assert.is(large.status, 429, 'and not 413');
    await own.stop();
  });
});

/** Connections that keep something back for ever. */
const holders: Readonly<Record<string, { head: string; drip?: string }>> = {
  'say nothing': { head: '' },
  'stop within their headers': { head: 'POST /beacon HTTP/1.1\r\nHost: x\r\nX-A' },
  'send their headers a letter at a time': { head: 'POST /beacon HTTP/1.1\r\nX: ', drip: 'a' },
  'stop within their body': { head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: 1000\r\n\r\n{` },
  'send their body a letter at a time': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nContent-Length: 1000\r\n\r\n`,
    drip: ' ',
  },
  'stop between two chunks': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
  },
  'send their chunks a letter at a time': {
    head: `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    drip: '1\r\n \r\n',
  },
};

describe('a thousand connections that are slow on purpose', ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage(config, {
      HEADERS_TIMEOUT_SECONDS: '1',
      REQUEST_TIMEOUT_SECONDS: '2',
      KEEP_ALIVE_TIMEOUT_SECONDS: '2',
    });
  });
  after(() => stage.stop());

  it('are all gone when they are due, and nobody waits for them', async () => {
    const kinds = Object.values(holders);
    const open = new Set<Socket>();
    for (let i = 0; i < 1_000; i += 1) {
      const kind = kinds[i % kinds.length]!;
      const socket = connect(stage.port, '127.0.0.1', () => socket.write(kind.head));
      const drip = setInterval(() => kind.drip && socket.writable && socket.write(kind.drip), 500);
      open.add(socket);
      socket.on('error', () => {});
      socket.resume().on('close', () => {
        clearInterval(drip);
        open.delete(socket);
      });
    }
    let served = 0;
    const shopper = async () => {
      const { status } = await beacon(stage.port, [layersEvent()], { headers: headersOfOther() });
      assert.is(status, 201);
      if (open.size > 0) served += 1;
    };
    // One after the other, and each at once: none of the thousand is gone before a second has passed.
    for (let i = 0; i < 20; i += 1) await shopper();
    assert.ok(served > 0, 'nobody was answered beside them');
    await until(() => open.size === 0, 15_000);
    await shopper();
  });
});
