import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beacon, call, layersEvent } from '../../support/gateway.ts';
import { type Postgres, quoted, startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { type Seen, secrets } from './canaries.ts';
import { type Place, printing } from './printed.ts';
import type { Output } from './said.ts';
import { refused, toStarted } from './starts.ts';

const password = secrets['the password of a database'];
const AGAIN_MS = 30_000;

/** A gateway on a database that wants a password: with a wrong one, then with the right one while the database goes away and comes back. */
export async function onDatabase(place: Place): Promise<{ readonly answers: Seen[]; readonly outputs: Output[] }> {
  const folder = join(place.folder, 'database');
  mkdirSync(folder);
  copyFileSync(join(place.folder, 'gateway.yaml'), join(folder, 'gateway.yaml'));
  const postgres = await startPostgres();
  try {
    const url = await withPassword(postgres);
    const own = { ...place, folder };
    const wrong = await refused(own, { LOG_URL: url.replace(password, `${password}x`) }, 'password authentication');
    const { answers, output } = await outage(own, url, postgres);
    return { answers, outputs: [wrong, output] };
  } finally {
    await postgres.stop();
  }
}

/** A database of a role that must show its password; gives its URL. */
async function withPassword(postgres: Postgres): Promise<string> {
  const url = new URL(await postgres.createDatabase());
  await postgres.query('postgres', `CREATE ROLE events LOGIN PASSWORD ${quoted(password)}`);
  await postgres.query('postgres', `ALTER DATABASE ${url.pathname.slice(1)} OWNER TO events`);
  const rules = join(postgres.data, 'pg_hba.conf');
  writeFileSync(rules, `host all events 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
  await postgres.restart();
  url.username = 'events';
  url.password = password;
  return url.href;
}

async function outage(
  { entry, folder, port, environment }: Place,
  url: string,
  postgres: Postgres,
): Promise<{ readonly answers: Seen[]; readonly output: Output }> {
  const gateway = printing([entry], {
    folder,
    environment: { ...environment, PORT: String(port), GATEWAY_CONFIG: 'gateway.yaml', LOG_URL: url },
  });
  await toStarted(gateway.said);
  const answers: Seen[] = [];
  const sent = async (): Promise<number> => {
    const headers = { 'x-storefront-access-token': secrets['a storefront token'] };
    const { status, body } = await beacon(port, [layersEvent()], { headers });
    answers.push({ where: `the answer ${status} to an event on PostgreSQL`, text: body });
    return status;
  };
  await sent();
  await postgres.shutDown();
  await until(async () => (await sent()) === 503, AGAIN_MS);
  const { status, body } = await call(port, { method: 'GET', path: '/readyz' });
  answers.push({ where: `the answer ${status} to GET /readyz without PostgreSQL`, text: body });
  await postgres.start();
  await until(async () => (await sent()) === 201, AGAIN_MS);
  const expected = { code: 0, says: ['gateway started', 'stopped'] };
  return { answers, output: { where: 'a start on PostgreSQL', ...(await gateway.ended(0)), expected } };
}
