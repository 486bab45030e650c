import { type Command, InvalidArgumentError } from 'commander';
import type { Exit, Terminal } from './output.ts';

/** What the registration of a command needs. */
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
    .option('--admin-token <token>', "the gateway's ADMIN_TOKEN (default: $ADMIN_TOKEN, which other users cannot see)")
    .option('--json', 'answer in JSON')
    .addHelpText('after', examples(...lines));
}

export const defaultUrl = (env: Terminal['env']): string => `http://localhost:${env.PORT || 3000}`;

export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

/** For lists such as `product_*,search`. */
export function list(text: string): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length === 0) throw new InvalidArgumentError('Expected a list such as product_*,search.');
  return items;
}

/** The given ones of some flags, as the admin API takes them. */
export function given<T extends object>(flags: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const entries = Object.entries(flags).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]: Exclude<T[Name], undefined> };
}
