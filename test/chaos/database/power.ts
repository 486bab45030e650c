import type { FileSystem } from '../../support/loop-disk.ts';
import { type PostgresOnLoopDisk, startPostgresOnLoopDisk } from '../../support/postgres-loop.ts';
import { until } from '../../support/until.ts';
import { refusals } from '../answers.ts';
import { ownDisk } from '../disk/needs.ts';
import { atLeast, exactly, type Finding } from '../findings.ts';
import { pause } from '../random.ts';
import type { Fault, FaultOptions } from './fault.ts';
import { inTime, type Recovery, recovered, repeatedly } from './recovery.ts';
import { underLoad } from './run.ts';

const PANIC_WITHIN_MS = 20_000;

interface Blow {
  /** Gives whether it was what it is meant to be. Afterwards PostgreSQL is down, and its disk there. */
  strike(postgres: PostgresOnLoopDisk): Promise<boolean>;
  readonly name: string;
  readonly meaning: string;
}

const cut: Blow = {
  name: 'CUTS',
  meaning: 'cuts that left what was synced, and nothing of what was not',
  async strike(postgres) {
    const { syncedIsThere, unsyncedIsThere } = await postgres.cutPower();
    return syncedIsThere && !unsyncedIsThere;
  },
};

const death: Blow = {
  name: 'DEAD',
  meaning: 'times that its disk died and it panicked',
  async strike(postgres) {
    const panics = () => postgres.log().split('PANIC').length;
    const before = panics();
    postgres.breakDisk();
    const panicked = await until(() => panics() > before, PANIC_WITHIN_MS).catch(() => false);
    await postgres.mendDisk();
    return panicked;
  },
};

/** The power of the database's machine fails: what it had not synced is gone. */
export const powerOn = (kind: FileSystem): Fault => ({
  name: `power-${kind}`,
  times: { usual: 30, short: 3 },
  play: (options) => onLoopDisk(kind, options, cut),
});

/** The disk of the database dies under it: PostgreSQL panics, and starts again once the disk is back. */
export const deadDiskOn = (kind: FileSystem): Fault => ({
  name: `dead-${kind}`,
  times: { usual: 15, short: 3 },
  play: (options) => onLoopDisk(kind, options, death),
});

async function onLoopDisk(
  kind: FileSystem,
  options: FaultOptions,
  { strike, name, meaning }: Blow,
): Promise<Finding[]> {
  // Throws NotRun where there can be no such disk.
  ownDisk(options.folder, kind).remove();
  const postgres = await startPostgresOnLoopDisk(kind);
  try {
    return await underLoad(options, await postgres.createDatabase(), { slowestSeconds: 15 }, async (run) => {
      const recoveries: Recovery[] = [];
      const proven = await repeatedly(options, async () => {
        await pause(500 + 1500 * run.random());
        const was = await strike(postgres);
        await pause(1000 * run.random());
        recoveries.push(await recovered(run, postgres, postgres.start));
        return was;
      });
      return [
        ...inTime(recoveries),
        exactly(name, meaning, proven.filter(Boolean).length, proven.length),
        atLeast('MET', 'answers of 503 meanwhile', refusals(run.answers()), proven.length),
      ];
    });
  } finally {
    await postgres.stop();
  }
}
