import { format } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { createLogger, type Logger } from '../base/logger.ts';
import { isProductionIn } from './settings.ts';
import { cannotStart, mistakesOf, whatFailed } from './start-errors.ts';
import { placesOf } from './words.ts';

/*
 * In production everything that a process prints is a JSON object on a line of its own: also what Node and libraries would print by
 * themselves, and an error that nobody catches. Every entry point imports this before anything else, since what is loaded may print too.
 */

// A start that fails says so at every LOG_LEVEL.
const always = createLogger('fatal');
const isJson = isProductionIn(process.env);

const what = /\brelease\.[jt]s$/.test(process.argv[1] ?? '') ? 'release' : 'start';

/** Ends a process that cannot do what it was started for, with the reason. */
export function endWith(error: unknown): never {
  if (isJson) {
    const mistakes = mistakesOf(error);
    always.fatal(
      { ...(mistakes ? { mistakes } : { reason: whatFailed(error) }), places: placesOf(error) },
      `cannot ${what}`,
    );
  } else console.error(cannotStart(error).replace('Cannot start', `Cannot ${what}`));
  process.exit(1);
}

/** Says something to whoever started the process. */
export function say(logger: Logger, text: string): void {
  if (isJson) logger.info(text.trim());
  else console.log(text);
}

let failed: (error: unknown) => void = endWith;

/** What is done from now on about an error that nobody caught. */
export function onUncaught(handle: (error: unknown) => void): void {
  failed = handle;
}

// What nobody reads is no reason to end.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

// In a thread such an error goes to the thread that started it.
if (isMainThread) {
  process.on('uncaughtException', (error) => failed(error));
  process.on('unhandledRejection', (error) => failed(error));
}
if (isJson) speakForOthers(createLogger(levelIn(process.env)));

function speakForOthers(logger: Logger): void {
  const isQuiet = process.listenerCount('warning') === 0;
  process.removeAllListeners('warning');
  const warn = (warning: Error & { readonly code?: string }): void => {
    const { name: kind, code, message } = warning;
    logger.warn({ kind, ...(code && { code }), reason: withoutPasswords(message), places: placesOf(warning) }, WARNING);
  };
  if (!isQuiet) process.on('warning', warn);
  const levels = { log: 'info', info: 'info', debug: 'debug', trace: 'debug', warn: 'warn', error: 'error' } as const;
  for (const [name, level] of Object.entries(levels) as [keyof typeof levels, 'info'][])
    console[name] = (...words: unknown[]) => logger[level](withoutPasswords(format(...words)));
}

const WARNING = 'a warning of Node';

/** Texts of others may quote a URL with its user and password. */
const withoutPasswords = (text: string): string => text.replace(/:\/\/\S*@/g, '://');

/** One that is wrong is a mistake that the start reports. */
function levelIn({ LOG_LEVEL = '' }: NodeJS.ProcessEnv): string {
  return /^(trace|debug|info|warn|error|fatal|silent)$/.test(LOG_LEVEL.trim()) ? LOG_LEVEL.trim() : 'info';
}
