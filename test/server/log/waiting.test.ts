import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import * as assert from 'uvu/assert';
import type { Settings } from '../../../schemas/settings.ts';
import { createLogger } from '../../../server/base/logger.ts';
import type { Room } from '../../../server/log/disk.ts';
import { roomToStart } from '../../../server/log/waiting.ts';
import { TestClock } from '../../support/clock.ts';
import { describe } from '../../support/describe.ts';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';

const roomOf = (level: Room['level']): Room => ({ level, freeBytes: 0, reserveBytes: 1024 ** 2 });

describe('a start on a full disk', ({ it }) => {
  it('answers whoever is half across as room comes, and leaves the port free', async () => {
    const [clock, lines] = [new TestClock(), [] as string[]];
    const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
    const [HOST, PORT] = ['127.0.0.1', await freePort()];
    let room = roomOf('none');
    const disk = { room: () => room, pressure: () => 'none' as const };
    const waiting = roomToStart(disk, { settings: { PORT, HOST } as Settings, clock, logger });
    await until(() => clock.waits.length > 0);
    const client = connect(PORT, HOST);
    const answer = text(client);
    client.write('POST /beacon HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n');
    // What follows comes when the first part has been read.
    const other = await fetch(`http://${HOST}:${PORT}/beacon`, { method: 'POST' });
    assert.is(other.status, 503);
    assert.is(other.headers.get('retry-after'), '5');
    room = roomOf('enough');
    void clock.advance(1000);
    await until(async () => (await fetch(`http://${HOST}:${PORT}/`).catch(() => undefined)) === undefined);
    client.write('\r\n{}');
    assert.match(await answer, /^HTTP\/1.1 503 .*has room again/s);
    await waiting;
    assert.is(lines.length, 1);
  });
});
