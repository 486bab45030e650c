import { openLmdb } from '../../../adapters/logs/lmdb/open.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { openPostgres } from '../../../adapters/logs/postgres/open.ts';
import { letterChecks } from '../../contracts/letters.ts';
import { type LogHarness, logChecks } from '../../contracts/log.ts';
import { quarantineChecks } from '../../contracts/quarantine.ts';
import { replayChecks } from '../../contracts/replays.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { Databases } from '../../support/postgres-databases.ts';
import { sharedPostgres } from '../../support/postgres-shared.ts';

describe('the memory log', ({ it }) => {
  const harness: LogHarness = { durable: false, open: async (options) => openMemory(options) };
  for (const { promise, run } of [...logChecks, ...quarantineChecks, ...letterChecks, ...replayChecks])
    it(promise, () => run(harness));
});

describe('the LMDB log', ({ it, after }) => {
  const folders = [temporaryFolder()];
  after(() => folders.forEach((folder) => void folder.remove()));
  const harness: LogHarness = {
    durable: true,
    open: (options, again = false) => {
      if (!again) folders.push(temporaryFolder());
      return openLmdb(folders.at(-1)!.path, options);
    },
  };
  for (const { promise, run } of [...logChecks, ...quarantineChecks, ...letterChecks, ...replayChecks])
    it(promise, () => run(harness));
});

describe('the PostgreSQL log', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });
  let url = '';
  const harness: LogHarness = {
    durable: true,
    open: async (options, again = false) => {
      if (url === '') url = await postgres.createDatabase();
      else if (!again) await postgres.emptyLog(url);
      return openPostgres(url, options);
    },
  };
  for (const { promise, run } of [...logChecks, ...quarantineChecks, ...letterChecks, ...replayChecks])
    it(promise, () => run(harness));
});
