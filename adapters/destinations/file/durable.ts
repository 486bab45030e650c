import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Makes a folder and its parents so that they survive a power cut. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o750 });
  if (first === undefined) return;
  // A name is durable once the folder that holds it has been synced.
  for (
    let parent = dirname(resolve(folder));
    parent.length >= dirname(resolve(first)).length;
    parent = dirname(parent)
  ) {
    await sync(parent);
    if (parent === dirname(parent)) return;
  }
}

/** Puts the content of a file, or the names in a folder, on the disk. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the path exists. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
