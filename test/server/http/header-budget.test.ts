import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import type { Gateway } from '../../../server/process/gateway.ts';
import { beacon as beaconBytes, chunked, host, token } from '../../hostile/wire.ts';
import { describe } from '../../support/describe.ts';
import { beacon, call, gatewayWith, layersEvent, SHOP } from '../../support/gateway.ts';
import { until } from '../../support/until.ts';

const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;
const MB = 1024 * 1024;
const event = () => JSON.stringify({ events: [layersEvent()] });
const partial = (bytes: number) => `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\nX: ${'x'.repeat(bytes)}`;

describe('unfinished headers', ({ it, before, after }) => {
  let gateway: Gateway;
  let sockets: Socket[] = [];
  before(async () => {
    // An eighth of it may be unfinished headers: 8 of 32 KB.
    gateway = await gatewayWith(config, { MAX_IN_FLIGHT_BYTES: String(2 * MB) });
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
  });

  async function open(bytes: Buffer | string): Promise<Socket> {
    const socket = connect(gateway.port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }
  const shed = async () => {
    const { body } = await call(gateway.port, { method: 'GET', path: '/metrics' });
    return Number(/gateway_shed_total\{reason="memory",worth="any"\} (\d+)/.exec(body)?.[1] ?? 0);
  };
  const openOf = (some: readonly Socket[]) => some.filter(({ closed }) => !closed).length;

  for (const [name, first] of [
    ['alone', () => ''],
    ['behind a request', () => beaconBytes(event())],
    ['behind a request in chunks', () => chunked(event(), 40)],
    ['behind several requests', () => Buffer.concat([beaconBytes(event()), chunked(event(), 9), beaconBytes(event())])],
  ] as const)
    it(`${name} have a budget of their own: past it the oldest end`, async () => {
      const before = await shed();
      const held: Socket[] = [];
      for (let i = 0; i < 30; i += 1) {
        held.push(await open(Buffer.concat([Buffer.from(first()), Buffer.from(partial(30_000))])));
        held.at(-1)?.resume();
      }
      await until(() => openOf(held) <= 8);
      assert.ok(openOf(held) >= 7, `${openOf(held)}`);
      assert.is(openOf(held.slice(0, 20)), 0);
      await until(async () => (await shed()) - before >= 22);
      assert.is((await beacon(gateway.port, [layersEvent()])).status, 201);
      for (const socket of held) socket.destroy();
      sockets = [];
    });

  it('that come to their end in time are answered, and what is idle holds nothing', async () => {
    const body = event();
    const large = `Cookie: ${'c'.repeat(20_000)}\r\nContent-Length: ${body.length}`;
    const head = `POST /beacon HTTP/1.1\r\n${host}\r\n${token}\r\n${large}\r\n\r\n${body}`;
    const idle: Socket[] = [];
    const answers: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      const socket = await open(head);
      idle.push(socket);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      answers.push(answer.toString().slice(9, 12));
    }
    // Twice on each connection, and in chunks of all sizes.
    for (const socket of idle) {
      socket.write(chunked('{"events":[]}'.padEnd(20_000, ' '), 500));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      answers.push(answer.toString().slice(9, 12));
    }
    assert.equal(new Set(answers), new Set(['201', '422']));
    // Longer than it takes to be looked at.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.is(openOf(idle), 40);
  });
});
