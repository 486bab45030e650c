import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh folder of its own, and how to remove it. Its name begins as given. */
export function temporaryFolder(name = 'events-', parent = tmpdir()): { path: string; remove: () => void } {
  const path = mkdtempSync(join(parent, name));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
