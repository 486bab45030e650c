import type { Chain } from './chain.ts';
import type { LmdbHeads } from './heads.ts';
import type { LmdbPages } from './pages.ts';
import type { Hashing } from './shop.ts';
import type { LmdbState } from './state.ts';

/** What an LMDB log is made of. */
export interface LmdbLogParts {
  readonly chain: Chain;
  readonly state: LmdbState;
  readonly pages: LmdbPages;
  readonly heads: LmdbHeads;
  readonly hashing: Hashing;
  /** Writes down how far the log has come. */
  readonly keepMark: () => Promise<void>;
}
