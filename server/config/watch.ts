import { type Stats, unwatchFile, watchFile } from 'node:fs';

/**
 * Calls `onChange` after each change of a file; resolves when `signal` aborts. It polls, since that also notices files that editors replace,
 * swapped symbolic links (Kubernetes) and network disks. A file that is missing for a moment is no change. `intervalMs`: between two looks.
 */
export function watchConfig(
  path: string,
  onChange: () => void,
  signal: AbortSignal,
  { intervalMs = 1000 }: { readonly intervalMs?: number } = {},
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const changed = (now: Stats): void => {
    if (now.isFile()) onChange();
  };
  watchFile(path, { interval: intervalMs, persistent: false }, changed);
  return new Promise((resolve) => {
    const stop = (): void => {
      unwatchFile(path, changed);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
