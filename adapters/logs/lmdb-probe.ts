import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { open } from 'lmdb';

const PROBE_TIMEOUT_MS = 20_000;
/** How long a probe reads at most: what lies further back is found damaged when it is read. */
const READ_MS = 3000;
const WORDS_KEPT = 500;

/** What is wrong with a log's file; undefined where nothing is, or there is none yet. */
export type Damage = string | undefined;

/**
 * Opens a log's file in a process of its own, since a damaged one can end the process that reads it, and walks through its trees. A file
 * that cannot be read at all is damaged too.
 */
export async function probe(folder: string): Promise<Damage> {
  const file = join(folder, 'data.mdb');
  if (!existsSync(file)) return undefined;
  const script = import.meta.filename.replace(/lmdb-probe(?=\.[jt]s$)/, 'lmdb-probe-main');
  const child = spawn(process.execPath, [...importsOf(process.execArgv, extname(script)), script, folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: PROBE_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-WORDS_KEPT);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  if (code === 0) return undefined;
  return signal ? `reading it ended with ${signal}` : `reading it failed: ${lastLine(words)}`;
}

/** Of the flags of this process those that another needs to run the same sources. */
function importsOf(flags: readonly string[], extension: string): string[] {
  return extension === '.ts'
    ? flags.filter((flag, i) => flag.startsWith('--import') || flags[i - 1] === '--import')
    : [];
}

const lastLine = (words: string): string =>
  words
    .trim()
    .split('\n')
    .findLast((line) => line.includes('Error')) ?? words;

/** Walks through all trees of a log's file. To be called in a process that may die of it. */
export function walk(folder: string): void {
  if (statSync(join(folder, 'data.mdb')).size === 0) throw new Error('the file is empty');
  const root = open({ path: folder, readOnly: true, keyEncoding: 'binary', encoding: 'binary', maxDbs: 16 });
  const until = Date.now() + READ_MS;
  for (const name of [...root.getKeys()].map(String)) {
    const database = root.openDB<Buffer, Buffer>({ name, keyEncoding: 'binary', encoding: 'binary' });
    for (const _ of name === 'pages' ? database.getKeys() : database.getRange()) if (Date.now() > until) return;
  }
}
