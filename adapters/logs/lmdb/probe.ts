import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { extname, join } from 'node:path';
import { open } from 'lmdb';
import { LogUnusable } from '../log.ts';

const PROBE_TIMEOUT_MS = 20_000;
/** Most time for a probe. Damage further back is found when it is read. */
const READ_MS = 3000;
const WORDS_KEPT = 500;
/** A damaged tree of trees may be endless. */
export const MOST_TREES = 32;
/** Signals that a damaged file causes. Other signals come from outside: the kernel for lack of memory, or a stop of the gateway. */
const DEADLY: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGFPE', 'SIGILL', 'SIGTRAP'];
/** Exit code of a probe that found damage; Node's own codes are lower. */
export const DAMAGED = 100;

/** What is wrong with a log's file; undefined if it is intact or does not exist yet. */
export type Damage = string | undefined;

/** How a probe ended. */
export interface ProbeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of its output. */
  readonly words: string;
}

/**
 * Opens a log's file in a separate process, since a damaged one can crash its reader, and walks through its trees. Throws if that did not show
 * whether the file is damaged.
 */
export async function probe(folder: string): Promise<Damage> {
  const file = join(folder, 'data.mdb');
  if (!existsSync(file)) return undefined;
  const extension = extname(import.meta.filename);
  const script = join(import.meta.dirname, `probe-main${extension}`);
  const child = spawn(process.execPath, [...importsOf(process.execArgv, extension), script, folder], {
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
  return damageBy({ code, signal, words });
}

/**
 * The damage that the end of a probe shows. Throws if it may have other causes: a healthy log that is taken for damaged would lose its dead
 * letters.
 */
export function damageBy({ code, signal, words }: ProbeEnd): Damage {
  if (code === 0) return undefined;
  if (code === DAMAGED) return `reading it failed: ${lastLine(words)}`;
  if (signal && DEADLY.includes(signal)) return `reading it ended with ${signal}`;
  const end = signal
    ? `was ended with ${signal}, as it is after ${PROBE_TIMEOUT_MS / 1000} s`
    : `failed with ${code}: ${lastLine(words)}`;
  throw new LogUnusable(
    `it cannot be told whether the file of the log is intact: reading it ${end}. ` +
      'The file is left as it is. See whether its disk answers, and whether memory and open files suffice; then start again.',
  );
}

/** The flags of this process that another needs to run the same sources. */
function importsOf(flags: readonly string[], extension: string): string[] {
  return extension === '.ts'
    ? flags.filter((flag, i) => flag.startsWith('--import') || flags[i - 1] === '--import')
    : [];
}

function lastLine(words: string): string {
  const lines = words.trim().split('\n');
  return lines.findLast((line) => line.includes('Error')) ?? lines.at(-1) ?? '';
}

/** Whether an error comes from the contents of the file and not from a shortage of the system. */
export function isDamage(error: unknown): boolean {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: string };
  // LMDB's own error numbers are negative, the system's positive.
  const isSystems = syscall !== undefined || (typeof code === 'number' && code > 0);
  return !isSystems || code === constants.errno.EISDIR || code === constants.errno.EINVAL;
}

/** Walks through all trees of a log's file. Call it in a process that may crash. */
export function walk(folder: string): void {
  if (statSync(join(folder, 'data.mdb')).size === 0) throw new Error('the file is empty');
  const root = open({ path: folder, readOnly: true, keyEncoding: 'binary', encoding: 'binary', maxDbs: MOST_TREES });
  const until = Date.now() + READ_MS;
  for (const name of [...root.getKeys({ limit: MOST_TREES })].map(String)) {
    const database = root.openDB<Buffer, Buffer>({ name, keyEncoding: 'binary', encoding: 'binary' });
    for (const _ of name === 'pages' ? database.getKeys() : database.getRange()) if (Date.now() > until) return;
  }
}
