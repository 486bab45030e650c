import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { destinations } from '../../adapters/destinations/index.ts';
import { ConfigError } from '../base/errors.ts';
import { describeConfig } from '../config/describe.ts';
import { loadRunnable } from '../config/durability.ts';
import { findConfig } from '../config/find.ts';
import { readSettings } from '../config/settings.ts';
import { type AgainstFlags, comparedWithRunning } from './against.ts';
import { examples, type Shell } from './flags.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';

export interface CheckFlags extends AgainstFlags {
  readonly json?: boolean;
}

/** Adds the options and the action. */
export function defineCheck(command: Command, { terminal, end }: Shell): void {
  command
    .option(
      '--against <url>',
      'show which pipelines of a running gateway this configuration would orphan; exits with 1 if there are any',
    )
    .option('--admin-token <token>', "that gateway's ADMIN_TOKEN (default: $ADMIN_TOKEN)")
    .addHelpText(
      'after',
      examples(
        'headless-events check',
        'headless-events check gateway.yaml --json',
        'headless-events check gateway.yaml --against http://localhost:3000',
      ),
    )
    .action(async (path: string | undefined, flags: CheckFlags) => end(await check(path, flags, terminal)));
}

/**
 * Shows what a start would run with, or every mistake, and what a running gateway would leave behind. Reads only; the one thing it sends is that
 * question.
 */
export async function check(path: string | undefined, flags: CheckFlags, terminal: Terminal): Promise<Exit> {
  const { json, against } = flags;
  try {
    const settings = readSettings({ ...terminal.env, ...(path && { GATEWAY_CONFIG: path }) });
    const found = findConfig(settings, existsSync);
    const { kind, source } = found;
    const config = loadRunnable({ found, settings, env: terminal.env, destinations });
    // A path given as an argument is no setting, and the first line shows it.
    const { GATEWAY_CONFIG: _, ...others } = settings;
    const lines = describeConfig(config, path ? others : settings, destinations);
    const from = kind === 'file' ? source : kind === 'text' ? 'GATEWAY_CONFIG' : 'the built-in demo';
    const running =
      against === undefined ? undefined : await comparedWithRunning(config, { ...flags, against }, terminal);
    const ok = !running || running.orphans.length === 0;
    const value = { ok, config: from, runs: lines, ...(running && { orphans: running.orphans }) };
    const text = [`The configuration is valid (${from}).`, ...lines, ...(running ? ['', ...running.lines] : [])];
    show(terminal, json, value, text);
    return ok ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { mistakes } = error;
    if (json) show(terminal, true, { ok: false, mistakes }, []);
    else terminal.err(['The configuration has mistakes:', ...mistakes.map((mistake) => `  - ${mistake}`)].join('\n'));
    return EXIT.failed;
  }
}
