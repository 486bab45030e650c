import { createReadStream, existsSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Hands over every line that file pipelines have written below this folder since the last time, with its shop's folder, and removes the
 * files: however long a run is, what is held at a time is one line. Only for pipelines at rest.
 */
export async function harvest(folder: string, take: (line: string, shop: string) => void): Promise<number> {
  if (!existsSync(folder)) return 0;
  let lines = 0;
  for (const shop of readdirSync(folder)) {
    for (const file of readdirSync(join(folder, shop)).sort()) {
      const path = join(folder, shop, file);
      for await (const line of createInterface({ input: createReadStream(path) })) {
        take(line, shop);
        lines += 1;
      }
      unlinkSync(path);
    }
  }
  return lines;
}
