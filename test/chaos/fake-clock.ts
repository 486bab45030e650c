import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NotRun } from './not-run.ts';

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

/** A clock that can be set while processes go by it. */
export interface FakeClock {
  /** How to start a process that goes by it. */
  readonly environment: Readonly<Record<string, string>>;
  /** By how much it is wrong from now on, such as +1h or -30d; +0 is right. */
  set(offset: string): void;
}

/** What lies between two moments stays true: only the time of day is wrong, as on a machine whose clock is set. */
export function fakeClock(file: string): FakeClock {
  if (!existsSync(library)) throw new NotRun(`${library} is missing (Debian: libfaketime)`);
  const set = (offset: string) => writeFileSync(file, `${offset}\n`);
  set('+0');
  process.once('exit', tidy);
  return {
    set,
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
  };
}

const shared = '/dev/shm';

/** Processes that were killed leave what the library shares with their children. */
function tidy(): void {
  for (const name of readdirSync(shared)) {
    const pid = /^(?:sem\.)?faketime_\w+_(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(shared, name), { force: true });
  }
}
