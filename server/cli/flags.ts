import { type Command, InvalidArgumentError, Option } from 'commander';
import { TIME_EXPECTED } from '../../schemas/admin-api/time.ts';
import { timeOf } from '../base/times.ts';
import type { Exit, Terminal } from './output.ts';

/** What commands need when they are registered. */
export interface Shell {
  readonly terminal: Terminal;
  readonly end: (exit: Exit) => void;
}

/** Flags of every command that speaks to the admin API. */
export interface AdminFlags {
  readonly url: string;
  readonly adminToken?: string;
  readonly json?: boolean;
}

/** Adds the flags and the examples that every command of the admin API has. */
export function adminCommand(command: Command, { env }: Terminal, ...lines: readonly string[]): Command {
  return command
    .option('--url <url>', 'where the gateway listens', defaultUrl(env))
    .option(
      '--admin-token <token>',
      "the gateway's ADMIN_TOKEN (default: $ADMIN_TOKEN, which is safer: other users can see flags)",
    )
    .option('--json', 'answer in JSON')
    .addHelpText('after', examples(...lines));
}

export const defaultUrl = (env: Terminal['env']): string => `http://localhost:${env.PORT || 3000}`;

export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

/** Puts commander's message about a wrong value into the shape of all messages. Other messages stay as they are. */
export function shapedError(text: string): string {
  const [, flag, value, choices, wanted] =
    /^error: option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (?:Allowed choices are (.*)\.|(must .*?))\s*$/s.exec(
      text,
    ) ?? [];
  if (flag === undefined) return text;
  return `${flag}: ${wanted ?? `must be one of ${choices}`}, got ${JSON.stringify(value)}`;
}

/** Reads a list such as `product_*,search`. */
export function list(text: string): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new InvalidArgumentError('must be a list such as product_*,search');
  return items;
}

/** A flag with a time. It is parsed once, so that all calls of a command use the same moment. */
export const timeOption = (flag: string, description: string, { now }: Pick<Terminal, 'now'>): Option =>
  new Option(flag, description).argParser((text: string) => {
    const time = timeOf(text, now());
    if (time === undefined) throw new InvalidArgumentError(`must be ${TIME_EXPECTED}`);
    return time;
  });

/** Examples of times for help texts. */
export const TIME_HELP = '2h, yesterday, 2026-06-01, 2026-06-01T12:00Z; in UTC';

/** The flags without those that were not given. */
export function withoutUndefined<T extends object>(flags: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const entries = Object.entries(flags).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}
