import { createServer, request } from 'node:http';
import { freePort } from '../../support/ports.ts';
import { startPostgres } from '../../support/postgres.ts';
import { atLeast } from '../findings.ts';
import { closed, listening } from '../listen.ts';
import { pause } from '../random.ts';
import type { Switch } from '../switch.ts';
import type { Fault } from './fault.ts';
import { underLoad } from './run.ts';

/** No fault of the database but one of the promise: a proxy in front says 201 when the gateway said 503. It must be found out. */
export const liar: Fault = {
  name: 'liar',
  seconds: { usual: 3, short: 2 },
  async play(options) {
    const postgres = await startPostgres();
    try {
      const rules = { slowestSeconds: 15, open: openLiar, quietMs: 2000 };
      const findings = await underLoad(options, await postgres.createDatabase(), rules, async () => {
        await postgres.kill();
        await pause(options.seconds * 1000);
        await postgres.start();
        return [];
      });
      const lost = findings.find(({ name }) => name === 'LOST');
      return [atLeast('TEETH', 'found lost of what was acknowledged and never kept', lost?.count ?? 0, 1)];
    } finally {
      await postgres.stop();
    }
  },
};

async function openLiar(): Promise<Switch> {
  let port = 0;
  const server = createServer((asked, answer) => {
    const { method, url, headers } = asked;
    const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (told) => {
      answer.writeHead(told.statusCode === 503 ? 201 : (told.statusCode ?? 500), told.headers);
      told.pipe(answer);
    });
    onward.once('error', () => answer.destroy());
    asked.pipe(onward);
  });
  const own = await freePort();
  await listening(server, own);
  return {
    port: own,
    to(next = 0) {
      port = next;
    },
    close: () => closed(server),
  };
}
