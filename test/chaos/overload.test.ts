import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { layers } from '../../adapters/dialects/layers/layers.ts';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { closed, listening } from './listen.ts';
import { answerReader } from './overload/answers.ts';
import { bodyFor } from './overload/bodies.ts';
import { ackedOf, answersAre, goodput, met, rateOf, together, worth, worthIsKept } from './overload/findings.ts';
import { type LoadResult, load, type Tally } from './overload/load.ts';

const tally = (statuses: Record<string, number>): Tally => ({
  sent: Object.values(statuses).reduce((sum, count) => sum + count, 0),
  statuses,
  p50: 0,
  p99: 0,
  worst: 0,
});

const result = (
  browse: Record<string, number>,
  sale: Record<string, number>,
  more: Partial<LoadResult> = {},
): LoadResult => ({
  seconds: 10,
  ackedSeconds: 10,
  kinds: { browse: tally(browse), sale: tally(sale) },
  untold: 0,
  broken: 0,
  unanswered: 0,
  late: 0,
  cpu: 0.5,
  ...more,
});

const failed = (findings: readonly { name: string; passed: boolean }[]): string[] =>
  findings.filter(({ passed }) => !passed).map(({ name }) => name);

describe('the judgement of an overload', ({ it }) => {
  const peak = result({ 201: 900 }, { 201: 100 });

  it('passes where the best is kept and the rest refused', () => {
    const over = result({ 201: 820, 503: 1180 }, { 201: 100 });
    assert.is(ackedOf(over), 920);
    assert.equal(failed([...met(over, peak, 2.1), ...answersAre([over]), goodput(peak, over, 90)]), []);
    assert.equal(failed(worthIsKept(result({ 201: 600, 503: 400 }, { 201: 1000, 503: 1 }), 0.1, 50)), []);
  });

  it('finds goodput that collapses, and a load that was none', () => {
    const over = result({ 201: 700, 503: 1300 }, { 201: 100 });
    assert.equal(failed([goodput(peak, over, 90)]), ['GOODPUT']);
    const lasting = { ...result({ 201: 820, 503: 1180 }, { 201: 100 }), ackedSeconds: 11 };
    assert.equal(failed([goodput(peak, lasting, 90)]), ['GOODPUT']);
    assert.equal(failed(met(over, peak, 3)), ['WANTED']);
    assert.equal(failed(met(peak, peak, 1)), ['MET']);
    assert.equal(failed(met({ ...over, late: 1000 }, peak, 3)), []);
    assert.equal(failed(met(result({ 201: 600, 503: 250 }, {}, { late: 2000 }), peak, 2)), ['SENT']);
  });

  it('takes several loads as one', () => {
    const all = together([peak, result({ 201: 300, 503: 7 }, { 201: 100 }, { unanswered: 2, late: 5, broken: 1 })]);
    assert.is(ackedOf(all), 1400);
    assert.is(rateOf(all), 70);
    assert.equal(all.kinds.browse.statuses, { 201: 1200, 503: 7 });
    assert.equal([all.kinds.browse.sent, all.unanswered, all.late, all.broken], [1207, 2, 5, 1]);
  });

  it('finds answers that nobody may get', () => {
    assert.equal(failed(answersAre([result({ 201: 1, 500: 1 }, {})])), ['ANSWERS']);
    assert.equal(failed(answersAre([result({ 201: 1 }, {}, { untold: 1, broken: 1 })])), ['RETRY-AFTER', 'BROKEN']);
    // Neither may answers come that nobody asked for.
    for (const unanswered of [1, -1])
      assert.equal(failed(answersAre([result({ 201: 1 }, {}, { unanswered })])), ['UNANSWERED']);
  });

  it('finds carts that are refused where browsing is not', () => {
    assert.equal(failed([worth([result({ 201: 500, 503: 500 }, { 201: 60, 503: 40 }), peak])]), []);
    assert.equal(failed([worth([peak, result({ 201: 600, 503: 400 }, { 201: 50, 503: 50 })])]), ['WORTH']);
  });

  it('finds carts that are refused, and browsers that are without need', () => {
    assert.equal(failed(worthIsKept(result({ 201: 600 }, { 201: 1000, 503: 2 }), 0.1, 50)), ['SALES']);
    assert.equal(failed(worthIsKept(result({ 201: 400, 503: 600 }, { 201: 1 }), 0.1, 50)), ['BROWSE']);
  });
});

describe('the load of an overload', ({ it, after }) => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  /** What a load counts at a server to which this happens at its fifth request. */
  const loadAt = async (fifth: (socket: Socket) => void) => {
    let requests = 0;
    const server = createServer((request, response) => {
      request.resume();
      // What it asks first is only whether it is heard.
      if (request.method === 'GET') return void response.writeHead(200).end();
      requests += 1;
      if (requests === 5) fifth(request.socket);
      else request.once('end', () => response.writeHead(201).end());
    });
    await listening(server, 0);
    const { port } = server.address() as AddressInfo;
    const acked = join(folder.path, 'acked.ndjson');
    const sizes = { connections: 2, events: 1, saleEvery: 2, seconds: 0.3, patienceMs: 100 };
    const counted = await load({ port, ...sizes, run: 'r', acked });
    await closed(server);
    return { ...counted, requests };
  };

  it('counts a request that is never answered, and one that is lost with its connection', async () => {
    const silent = await loadAt(() => {});
    assert.is(silent.unanswered, 1);
    assert.is(silent.broken, 0);
    assert.is(ackedOf(silent), silent.requests - 1);
    const cut = await loadAt((socket) => socket.destroy());
    assert.is(cut.unanswered, 0);
    assert.is(cut.broken, 1);
    assert.is(ackedOf(cut), cut.requests - 1);
  });
});

describe('the bodies of an overload', ({ it }) => {
  it('are valid, are worth what they are called, and have new ids each time', () => {
    const limits = { depth: 32, keys: 2048, text: 8192, eventBytes: 65_536 };
    const rules = { shop: 'a', names: () => true, customEvents: new Set<string>(), limits, receivedAt: Date.now() };
    for (const kind of ['browse', 'sale'] as const) {
      const body = bodyFor(kind, 100, 'run-1');
      const idsOf = (number: number) => {
        const first = body.renew(number);
        const text = body.bytes.subarray(body.bytes.indexOf('\r\n\r\n') + 4);
        assert.is(layers.priorityOf(text), kind === 'sale' ? 'commerce' : 'browse');
        const { events, refused } = layers.read(text.toString(), rules);
        assert.equal(refused, []);
        assert.is(events[0]?.id, first);
        return events.map(({ id }) => id);
      };
      assert.is(new Set([...idsOf(1), ...idsOf(2)]).size, 200);
    }
  });
});

describe('answers', ({ it }) => {
  it('are read however they are cut, with what they tell', () => {
    const text = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nnull';
    for (let cut = 1; cut < text.length; cut += 1) {
      const read = answerReader();
      assert.is(read(Buffer.from(text.slice(0, cut))), undefined);
      assert.equal(read(Buffer.from(text.slice(cut))), { status: 503, told: true });
      assert.equal(read(Buffer.from('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')), {
        status: 201,
        told: false,
      });
    }
  });
});
