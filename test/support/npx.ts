import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from './built.ts';

/**
 * Makes a PATH whose `npx headless-events` runs the built command at once: the real one takes a second or more each time. That it finds the
 * same command is shown by test/pages/first-steps.test.ts. The folder must exist; the shim goes into `bin` in it.
 */
export function pathWithNpx(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const shim = join(bin, 'npx');
  writeFileSync(
    shim,
    `#!/bin/sh\n[ "$1" = headless-events ] || exit 127\nshift\nexec node '${compiled('server/cli.ts')}' "$@"\n`,
  );
  chmodSync(shim, 0o755);
  return `${bin}:${process.env.PATH}`;
}
