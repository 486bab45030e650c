import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { affordableConnections, createFloodGuard } from '../../../server/http/connections.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { call, SHOP } from '../../support/gateway.ts';
import { startMain } from '../../support/main.ts';
import { until } from '../../support/until.ts';

describe('more connections than a process may have', ({ it, after }) => {
  const folder = temporaryFolder();
  after(() => folder.remove());

  for (const processes of [1, 2])
    it(
      `are closed and counted, of ${processes}`,
      async () => {
        const config = `{ shops: [{ shop: ${SHOP}, tokens: [demo-token], pipelines: [] }] }`;
        writeFileSync(join(folder.path, 'gateway.yaml'), config);
        const env = { LOG_URL: `lmdb:log${processes}`, GATEWAY_CONFIG: 'gateway.yaml', MAX_CONNECTIONS: '3' };
        const gateway = startMain(folder.path, { ...env, WEB_CONCURRENCY: String(processes) });
        const sockets: Socket[] = [];
        try {
          const port = await gateway.port();
          let closed = 0;
          for (let count = 0; count < 10; count += 1) {
            const socket = connect(port, '127.0.0.1').on('error', () => {});
            socket.on('close', () => {
              closed += 1;
            });
            sockets.push(socket);
            await once(socket, 'connect');
          }
          await until(() => closed >= 10 - 3 * processes);
          for (const socket of sockets) socket.destroy();
          const page = () => call(port, { method: 'GET', path: '/metrics' }).catch(() => ({ body: '' }));
          await until(async () =>
            /gateway_shed_total\{reason="connections",worth="any"\} [1-9]/.test((await page()).body),
          );
          assert.is((await call(port, { method: 'GET', path: '/healthz' })).status, 200);
        } finally {
          for (const socket of sockets) socket.destroy();
          gateway.signalAll('SIGKILL');
        }
      },
      { timeoutMs: 60_000 },
    );
});

describe('connections', ({ it }) => {
  it('leave files for everything else', () => {
    assert.is(affordableConnections(10_000, 256), 153);
    assert.is(affordableConnections(100, 256), 100);
    assert.is(affordableConnections(10_000, Number.POSITIVE_INFINITY), 10_000);
    assert.ok(affordableConnections(10_000) > 0);
  });
});

describe('requests of one connection', ({ it }) => {
  /** How many are let through, each in a turn of its own and answered before the next. */
  async function letThrough(followsOthers: boolean): Promise<number> {
    const nothing = () => {};
    const headers = { began: nothing, asked: nothing, answered: nothing, makeRoom: nothing, bytes: () => 0 };
    const socket = new EventEmitter();
    const inputs = { discard: nothing, answered: nothing, followsOthers: () => followsOthers };
    const refuses = createFloodGuard(headers, inputs, nothing);
    for (let count = 0; count < 100; count += 1) {
      const request = { socket, rawHeaders: ['Host', 'a'], httpVersionMinor: 1, method: 'GET' };
      const response = Object.assign(new EventEmitter(), { writeHead: () => response, end: nothing });
      const isRefused = refuses(request as unknown as IncomingMessage, response as unknown as ServerResponse);
      if (isRefused) return count;
      response.emit('close');
      await nextTurn();
    }
    return 100;
  }

  it('are refused past 16 that came together, in however many turns they are parsed', async () => {
    assert.is(await letThrough(true), 16);
    assert.is(await letThrough(false), 100);
  });
});
