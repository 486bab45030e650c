import { fileURLToPath } from 'node:url';
import { LogUnavailable, LogUnusable } from '../../adapters/logs/log.ts';
import { ConfigError } from '../base/errors.ts';
import { placesOf } from '../base/places.ts';

/** The gateway cannot go on. The message is for operators and holds no secrets. */
export class GatewayFailure extends Error {}

/** What a process prints if it cannot start. Never a value: the text of an unexpected error may hold a URL with its password. */
export function cannotStart(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const what = whatFailed(error);
  return isForOperators(error)
    ? `Cannot start: ${what}`
    : `Cannot start: unexpected error (${what}); reinstall this version with npm ci, and report this line if that does not help`;
}

/** The mistakes in settings or configuration; undefined if something else failed. */
export const mistakesOf = (error: unknown): readonly string[] | undefined =>
  error instanceof ConfigError ? error.mistakes : undefined;

/** An error in one line: the message if it is meant for operators, otherwise only class, code and place. */
export function whatFailed(error: unknown): string {
  if (error instanceof ConfigError) return error.mistakes.join('; ');
  if (isForOperators(error)) return error.message;
  if (!(error instanceof Error)) return `a ${typeof error} was thrown`;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const words = [error.constructor.name, code, syscall].filter((word) => /^[\w-]{1,40}$/.test(String(word ?? '')));
  return [...words, ...placeOf(error)].join(' ');
}

const isForOperators = (error: unknown): error is Error =>
  [ConfigError, LogUnavailable, LogUnusable, GatewayFailure].some((kind) => error instanceof kind);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The first place in this project's code, or else the first place. */
function placeOf(error: Error): string[] {
  const places = placesOf(error).map((place) => place.replaceAll('file://', '').replaceAll(ROOT, ''));
  const own = places.find((place) => !/node_modules|node:/.test(place));
  return [own ?? places[0] ?? ''].filter((place) => place !== '');
}
