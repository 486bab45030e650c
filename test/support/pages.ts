import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The paths of every page of the project. */
export const pages: readonly string[] = ['.', 'server', 'adapters', 'schemas', 'test']
  .flatMap((folder) =>
    readdirSync(folder, { recursive: folder !== '.', encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  .filter((name) => name.endsWith('.md'));
