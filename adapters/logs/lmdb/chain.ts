import type { RootDatabase } from 'lmdb';

/** Commits what the callback writes; gives false if the previous commit is not in the file. */
export type Chain = (write: () => void) => Promise<boolean>;

/** Makes any other commit. Throws LogUnavailable if nothing can be written now, or if it fails, which also ends the log. */
export type Commit = (write: () => Promise<unknown>) => Promise<void>;

const LAST = 'last';

/**
 * Makes commits, each only on top of the previous one. Two are in flight at once: if the sync of the first failed and that of the second did
 * not, the file would have a gap that looks like damage.
 */
export async function chained(root: RootDatabase): Promise<Chain> {
  // The version of this entry is the number of the last commit.
  const commits = root.openDB<string, string>({ name: 'commits', encoding: 'string', useVersions: true });
  if (commits.getEntry(LAST) === undefined) await commits.put(LAST, '', 1);
  let last = commits.getEntry(LAST)?.version ?? 1;
  return (write) =>
    commits.ifVersion(LAST, last, () => {
      write();
      last += 1;
      void commits.put(LAST, '', last);
    });
}
