import { existsSync } from 'node:fs';
import { destinations } from '../../adapters/destinations/index.ts';
import { findConfig } from '../config.ts';
import { describeConfig } from '../describe.ts';
import { loadRunnable } from '../durability.ts';
import { ConfigError, readSettings } from '../settings.ts';
import { EXIT, type Exit, show, type Terminal } from './output.ts';

/** Says what a start would run with, or every mistake at once. Reads only: nothing is opened, nothing is sent. */
export function check(path: string | undefined, { json }: { readonly json?: boolean }, terminal: Terminal): Exit {
  try {
    const settings = readSettings({ ...terminal.env, ...(path && { GATEWAY_CONFIG: path }) });
    const found = findConfig(settings, existsSync);
    const { kind, source } = found;
    const config = loadRunnable({ found, settings, env: terminal.env, destinations });
    const lines = describeConfig(config, settings, destinations);
    const from = kind === 'file' ? source : kind === 'text' ? 'GATEWAY_CONFIG' : 'the built-in demo';
    show(terminal, json, { ok: true, config: from, runs: lines }, [`The configuration is valid (${from}).`, ...lines]);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { mistakes } = error;
    if (json) show(terminal, true, { ok: false, mistakes }, []);
    else terminal.err(['The configuration has mistakes:', ...mistakes.map((mistake) => `  - ${mistake}`)].join('\n'));
    return EXIT.failed;
  }
}
