import type { Durability } from './log.ts';
import type { Store, StoreOptions } from './store.ts';

/** A kind of log, and everything that depends on the kind. One file in a folder of its own, and one line in index.ts. */
export interface LogKind {
  /** What stands before the first colon of LOG_URL. */
  readonly schemes: readonly string[];
  /** Whether several processes may have it open at once, on one machine or on many. */
  readonly isShared: boolean;
  /** What to do where it promises too little, if that is decided in its own settings, for an operator. */
  readonly remedy?: string;
  /** What an answer promises with such a log on this machine; undefined where only the opened log can tell. `isWiped`: a restart empties the disk. */
  durabilityHere(isWiped: boolean): Durability | undefined;
  /** Throws LogUnusable or LogUnavailable. Loads what it needs only now: a process that does not open the log does not carry it. */
  open(url: string, options: StoreOptions): Promise<Store>;
  /** Brings a database up to date before a start; gives the names of what was done. `encrypt`: with TLS where the URL does not say. */
  migrate?(url: string, encrypt: boolean): Promise<readonly string[]>;
  /** The folder on this machine whose disk it fills. It need not be there yet. */
  folder?(url: string): string;
}

/** What a URL says after its scheme. */
export const afterScheme = (url: string): string => url.slice(url.indexOf(':') + 1);
