import pg from 'pg';
import { startPostgres } from '../../support/postgres.ts';
import { atLeast, type Finding, none } from '../findings.ts';
import type { Gateway } from '../gateway.ts';
import type { Fault } from './fault.ts';
import { refusal } from './gateways.ts';
import { underLoad } from './run.ts';

/** Longer than a gateway waits for room. */
const PATIENCE_MS = 45_000;

/**
 * No connection is left for a gateway that starts, by what PostgreSQL allows or by DATABASE_CONNECTIONS: it waits for those that leave,
 * and the one that runs notices nothing. Where it can never have enough it says so at once.
 */
export const limit: Fault = {
  name: 'limit',
  seconds: { usual: 10, short: 2 },
  async play(options) {
    const settings = { max_connections: '10', superuser_reserved_connections: '0' };
    const postgres = await startPostgres({ settings });
    try {
      const database = await postgres.createDatabase();
      return await underLoad(options, database, { slowestSeconds: 10, breaks: true }, async (run) => {
        const never = await refusal(await run.start({ DATABASE_CONNECTIONS: '2' }), PATIENCE_MS);
        const crowd = await takeAll(database);
        const second = await run.start();
        const crowded = await isReady(second, options.seconds);
        await crowd.leave();
        await second.ready(PATIENCE_MS);
        // These two have eight connections.
        const third = await run.start({ DATABASE_CONNECTIONS: '8' });
        const beyond = await isReady(third, options.seconds);
        run.front.to(second.port);
        await run.gateway.stop();
        await third.ready(PATIENCE_MS);
        return [
          atLeast('MET', 'connections that others had taken, to the last', crowd.count, 1),
          none('EARLY', 'gateways that were ready although there was no room', [...crowded, ...beyond]),
          clear(never),
        ];
      });
    } finally {
      await postgres.stop();
    }
  },
};

/** Takes connections until there is none left. */
async function takeAll(database: string): Promise<{ readonly count: number; leave(): Promise<unknown> }> {
  const clients: pg.Client[] = [];
  for (;;) {
    const client = new pg.Client({ connectionString: database });
    client.on('error', () => {});
    const connected = await client.connect().then(
      () => true,
      () => false,
    );
    if (!connected) return { count: clients.length, leave: () => Promise.all(clients.map((one) => one.end())) };
    clients.push(client);
  }
}

async function isReady(gateway: Gateway, withinSeconds: number): Promise<string[]> {
  const words = await gateway.ready(withinSeconds * 1000).catch(({ message }: Error) => message);
  if (typeof words === 'number') return [`after ${words} ms`];
  if (words.includes('it exited')) throw new Error(`expected a gateway that waits for room, it ended: ${words}`);
  return [];
}

function clear(words: string | undefined): Finding {
  const right = words?.includes('DATABASE_CONNECTIONS allows 2 connections') && words.includes('this one needs 4');
  return none('MESSAGE', 'a gateway that started, or did not say what it lacks', right ? [] : [words ?? 'it started']);
}
