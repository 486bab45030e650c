import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startMain } from '../../support/main.ts';
import { until } from '../../support/until.ts';

const CROWD = 1500;
/** What the system allows; other systems than Linux say it elsewhere, and get a smaller crowd. */
const SYSTEM_LIMIT = '/proc/sys/net/core/somaxconn';

describe('clients that connect at once', ({ it }) => {
  it('all have a place, however long the gateway takes to look', async () => {
    const folder = temporaryFolder();
    const gateway = startMain(folder.path);
    const port = await gateway.port();
    const allowed = existsSync(SYSTEM_LIMIT) ? Number(readFileSync(SYSTEM_LIMIT, 'utf8')) : 100;
    const crowd = Math.min(CROWD, allowed);
    gateway.signalAll('SIGSTOP');
    let connected = 0;
    const sockets = Array.from({ length: crowd }, () =>
      connect({ port, host: '127.0.0.1' })
        .once('connect', () => {
          connected += 1;
        })
        .on('error', () => {}),
    );
    // A client that found no place tries again after a second, and then after three.
    await until(() => connected === crowd, 10_000).catch(() => {});
    for (const socket of sockets) socket.destroy();
    gateway.signalAll('SIGCONT');
    gateway.signalAll('SIGTERM');
    await gateway.ended;
    folder.remove();
    assert.is(connected, crowd);
  });
});
