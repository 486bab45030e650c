import { copyFileSync, mkdirSync, truncateSync } from 'node:fs';
import { basename, join } from 'node:path';
import { until } from '../../support/until.ts';
import { filesIn, secrets } from './canaries.ts';
import { type Place, printing } from './printed.ts';
import type { Output } from './said.ts';

/** A busy machine needs some for no more than loading the code. */
const START_MS = 15_000;

/** Starts that refuse: what they print is all that is left of them. */
export function mistakenStarts(place: Place): Promise<Output[]> {
  const password = secrets['the password of a database'];
  return Promise.all([
    refused(
      place,
      { GATEWAY_CONFIG: 'mistaken.yaml' },
      'nonsense',
      'tokens[1]',
      'destination.url',
      'destination.secret',
    ),
    refused(place, { GATEWAY_CONFIG: 'torn.yaml' }, 'torn.yaml, line '),
    refused(place, { LOG_URL: `postgres://user:${password}@127.0.0.1:9/none` }, 'LOG_URL: must name', 'ECONNREFUSED'),
    refused(place, { LOG_URL: `nonsense://user:${password}@x` }, 'LOG_URL: must be', 'nonsense:'),
    refused(place, { ADMIN_TOKEN: secrets['the admin token'].slice(0, 9) }, 'ADMIN_TOKEN: must be'),
    refused(
      place,
      { GATEWAY_CONFIG: `{"shops":[{"shop":"x","tokens":["${secrets['a token in rotation']} x"]}]}` },
      'shops[0].tokens[0]',
    ),
  ]);
}

/** A start that must end by itself, and name its mistake. */
export async function refused(
  { entry, folder, environment }: Place,
  more: Readonly<Record<string, string>>,
  ...says: readonly string[]
): Promise<Output> {
  const ownEnvironment = { ...environment, PORT: '0', GATEWAY_CONFIG: 'gateway.yaml', ...more };
  return {
    where: `a start with another ${Object.keys(more).join(' and ')}`,
    ...(await printing([entry], { folder, environment: ownEnvironment }).ended(START_MS)),
    expected: { code: 1, says },
  };
}

/** A start on a log that was cut off, which says so and goes on. */
export async function damagedStart({ entry, folder, environment }: Place): Promise<Output> {
  const damaged = join(folder, 'damaged', 'log');
  mkdirSync(damaged, { recursive: true });
  for (const path of filesIn(join(folder, 'log'))) copyFileSync(path, join(damaged, basename(path)));
  truncateSync(join(damaged, 'data.mdb'), 20_000);
  const start = printing([entry], {
    folder,
    environment: { ...environment, PORT: '0', GATEWAY_CONFIG: 'gateway.yaml', LOG_URL: `lmdb:${damaged}` },
  });
  await toStarted(start.said);
  const expected = { code: 0, says: ['the log was damaged', 'gateway started'] };
  return { where: 'a start on a damaged log', ...(await start.ended(0)), expected };
}

/** Waits until a gateway says that it has started. Where it does not in time, the judge finds that. */
export async function toStarted(said: () => string): Promise<void> {
  await until(() => said().includes('gateway started'), START_MS).catch(() => {});
}
