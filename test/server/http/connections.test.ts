import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { affordableConnections } from '../../../server/http/connections.ts';
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
