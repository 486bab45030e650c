import { readFileSync } from 'node:fs';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import type { Config } from '../../schemas/config.ts';
import { isAbort } from '../base/clock.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Found } from '../config/find.ts';
import { whatFailed } from '../config/start-errors.ts';
import { watchConfig } from '../config/watch.ts';
import type { Gateway } from './gateway.ts';

/** Wait between two tries to take a configuration while the log cannot be reached. */
const RELOAD_AGAIN_MS = 5000;

export interface Reloading {
  /** Hands on every change since `watchReloads`, one after the other, including those that came while the gateway started. */
  follow(gateway: Pick<Gateway, 'reload' | 'reloadRefused'>, load: () => Promise<Config>, logger: Logger): void;
}

/**
 * Notes from now on what asks for a reload: a change of the configuration file, and SIGHUP. Call it before the configuration is read: a
 * change between that and the first look at the file would never be noticed.
 */
export function watchReloads(
  found: Found,
  signals: { on(signal: 'SIGHUP', listener: () => void): unknown },
  options: { readonly intervalMs?: number } = {},
): Reloading {
  const { kind, source } = found;
  let asked = false;
  let reload = (): void => {
    asked = true;
  };
  signals.on('SIGHUP', () => reload());
  const textNow = (): string | undefined => (kind === 'file' ? textOf(source) : undefined);
  const read = textNow();
  if (kind === 'file') void watchConfig(source, () => reload(), new AbortController().signal, options);
  return {
    follow: (gateway, load, logger) => {
      reload = reloader(gateway, load, kind, logger);
      // The change may have come before the watcher's first look.
      if (asked || textNow() !== read) reload();
    },
  };
}

function reloader(
  gateway: Pick<Gateway, 'reload' | 'reloadRefused'>,
  load: () => Promise<Config>,
  kind: Found['kind'],
  logger: Logger,
): () => void {
  let last = Promise.resolve();
  let again: NodeJS.Timeout | undefined;
  const take = async (): Promise<void> => {
    clearTimeout(again);
    try {
      await gateway.reload(await load());
      logger.info({ config: kind }, 'configuration reloaded');
    } catch (error) {
      // A stop aborts a reload that is under way.
      if (isAbort(error)) return;
      gateway.reloadRefused();
      if (error instanceof LogUnavailable) {
        again = setTimeout(reload, RELOAD_AGAIN_MS);
        logger.error({ reason: error.message }, 'the new configuration waits for the log; the old one keeps running');
        return;
      }
      logger.error(
        { mistakes: error instanceof ConfigError ? error.mistakes : [whatFailed(error)] },
        'the new configuration is refused; the old one keeps running',
      );
    }
  };
  const reload = (): void => {
    last = last.then(take);
  };
  return reload;
}

/** The text of a file; undefined if it cannot be read now, which is no change. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
