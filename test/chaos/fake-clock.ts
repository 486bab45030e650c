import { existsSync, writeFileSync } from 'node:fs';
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
  return {
    set,
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
      NO_FAKE_STAT: '1',
    },
  };
}
