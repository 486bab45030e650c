import type { RootDatabase } from 'lmdb';

/** Writes what the callback puts, in one commit; false where the commit before is not in the file. */
export type Chain = (write: () => void) => Promise<boolean>;

/** Makes any other commit. Throws LogUnavailable where nothing can be written now, or it fails, which is the end of the log too. */
export type Commit = (write: () => Promise<unknown>) => Promise<void>;

const LAST = 'last';

/**
 * Commits of which each is made only on top of the one before. Two are under way at once: where the sync of the first fails and that of the
 * second does not, the file would have a gap that nobody can tell from damage.
 */
export async function chained(root: RootDatabase): Promise<Chain> {
  // The number of the last commit is the entry's version.
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
