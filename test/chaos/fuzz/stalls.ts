import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { linesOf } from '../ledger.ts';

/** When a gateway was held up, and for how long. */
export interface Stall {
  /** When it ended, in milliseconds since 1970. */
  readonly at: number;
  readonly ms: number;
}

export interface Stalls {
  /** What the gateway must be started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Those since it was asked last. */
  news(): Stall[];
}

/** Watches a gateway's loop from inside, by a file that it writes to. */
export function stallsOf(entry: string, file: string): Stalls {
  const inside = join(dirname(entry), '../test/chaos/fuzz/inside.js');
  if (!existsSync(inside)) throw new Error(`expected the build to have ${inside}: give a main.js that \`tsc\` made`);
  let seen = 0;
  return {
    environment: { NODE_OPTIONS: `--import ${pathToFileURL(inside).href}`, STALLS_FILE: file },
    news() {
      if (!existsSync(file)) return [];
      const all = linesOf<Stall>(file);
      const news = all.slice(seen);
      seen = all.length;
      return news;
    },
  };
}
