import type { Durability } from './log.ts';
import type { Store, StoreOptions } from './store.ts';

/** A kind of log, with everything that depends on the kind. A file in a folder of its own, and a line in index.ts. */
export interface LogKind {
  /** The scheme of LOG_URL, before the first colon. */
  readonly schemes: readonly string[];
  /** Whether several processes may have it open at once, on one machine or on many. */
  readonly isShared: boolean;
  /** For operators: what to do if it guarantees too little, if its own settings decide that. */
  readonly remedy?: string;
  /**
   * What an acknowledgement guarantees with such a log on this machine; undefined if only the opened log knows. `isWiped`: a restart empties the
   * disk.
   */
  durabilityHere(isWiped: boolean): Durability | undefined;
  /** Throws LogUnusable or LogUnavailable. Loads its code lazily, for processes that do not open the log. */
  open(url: string, options: StoreOptions): Promise<Store>;
  /** Migrates a database before a start; gives the names of the migrations that ran. `encrypt`: use TLS if the URL does not say. */
  migrate?(url: string, encrypt: boolean): Promise<readonly string[]>;
  /** The folder whose disk it fills. It need not exist yet. */
  folder?(url: string): string;
}

/** The part of a URL after its scheme. */
export const afterScheme = (url: string): string => url.slice(url.indexOf(':') + 1);
