import { format } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { createLogger, type Logger } from '../base/logger.ts';
import { placesOf } from '../base/places.ts';
import { isProductionIn } from './settings.ts';
import { cannotStart, mistakesOf, whatFailed } from './start-errors.ts';

/*
 * In production everything that a process prints is a JSON object on a line of its own, including what Node and libraries print, and
 * uncaught errors. Every entry point imports this first, since modules may print while they load.
 */

// A failed start is reported at every LOG_LEVEL.
const always = createLogger('fatal');
const isJson = isProductionIn(process.env);

const what = /\brelease\.[jt]s$/.test(process.argv[1] ?? '') ? 'release' : 'start';

/** Prints why the process cannot do what it was started for, and exits with 1. */
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

/** Prints a text for the person who started the process; in production as a log line. */
export function say(logger: Logger, text: string): void {
  if (isJson) logger.info(text.trim());
  else console.log(text);
}

let failed: (error: unknown) => void = endWith;

/** Sets what is done about uncaught errors from now on. */
export function onUncaught(handle: (error: unknown) => void): void {
  failed = handle;
}

// A closed output is no reason to end.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

// In a thread, an uncaught error goes to the thread that started it.
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

/** Texts of Node and libraries may quote a URL with its user and password. */
const withoutPasswords = (text: string): string => text.replace(/:\/\/\S*@/g, '://');

/** An invalid level is reported by the start; until then it counts as `info`. */
function levelIn({ LOG_LEVEL = '' }: NodeJS.ProcessEnv): string {
  return /^(trace|debug|info|warn|error|fatal|silent)$/.test(LOG_LEVEL.trim()) ? LOG_LEVEL.trim() : 'info';
}
