import { existsSync } from 'node:fs';
import { destinations } from '../adapters/destinations/index.ts';
import type { Config } from '../schemas/config.ts';
import type { Settings } from '../schemas/settings.ts';
import { systemClock } from './clock.ts';
import { type Found, findConfig, loadConfig, watchConfig } from './config.ts';
import { describeConfig } from './describe.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { createLogger, type Logger } from './logger.ts';
import { ConfigError, readSettings } from './settings.ts';

// The process: environment, signals, exit code. Date.parse reads times without a zone in the process's own, so that is UTC.
process.env.TZ = 'UTC';

await run().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});

async function run(): Promise<void> {
  const settings = readSettings(process.env);
  const found = findConfig(settings, existsSync);
  const load = (): Config => loadConfig({ source: found.source, env: process.env, destinations });
  const config = load();
  const logger = createLogger(settings.LOG_LEVEL);
  const failed = fail(logger);
  process.on('unhandledRejection', failed);
  process.on('uncaughtException', failed);
  const gateway = await startGateway({
    settings,
    config,
    clock: systemClock,
    random: Math.random,
    logger,
    onFailure: failed,
  });
  announce(gateway, config, settings, found, logger);
  followConfig(gateway, found, load, logger);
  stopOnSignal(gateway, settings, logger);
}

/** After a failed commit nobody knows what the disk holds: the next process finds out. */
function fail(logger: Logger): (error: unknown) => void {
  return (error) => {
    logger.fatal(
      { reason: error instanceof Error ? error.message : String(error) },
      'something failed that must not; stopping',
    );
    process.exitCode = 1;
    // Requests in hand still get their 503.
    setTimeout(() => process.exit(1), 200);
  };
}

function announce(gateway: Gateway, config: Config, settings: Settings, found: Found, logger: Logger): void {
  const lines = describeConfig(config, settings, destinations);
  logger.info({ port: gateway.port, durability: gateway.durability, config: found.kind }, 'gateway started');
  if (settings.LOG_LEVEL === 'silent') return;
  console.log(lines.join('\n'));
  if (found.kind === 'demo') console.log(firstEvent(gateway.port));
}

function firstEvent(port: number): string {
  return `
Try it:
  curl -i 'http://localhost:${port}/beacon?token=demo-token' -H 'Content-Type: application/json' \\
    -d '{"events":[{"event_type":"product_view","event_id":"first-1","timestamp":"2026-06-01T12:00:00Z","session_id":"s1","product_id":7003338965178}]}'
  cat data/archive/*/*.ndjson
`;
}

function followConfig(gateway: Gateway, found: Found, load: () => Config, logger: Logger): void {
  let last = Promise.resolve();
  const reload = (): void => {
    last = last.then(async () => {
      try {
        await gateway.reload(load());
        logger.info({ config: found.kind }, 'configuration reloaded');
      } catch (error) {
        gateway.reloadRefused();
        logger.error(
          { mistakes: error instanceof ConfigError ? error.mistakes : [String(error)] },
          'the new configuration is refused; the old one keeps running',
        );
      }
    });
  };
  process.on('SIGHUP', reload);
  if (found.kind === 'file') void watchConfig(found.source, reload, new AbortController().signal);
}

function stopOnSignal(gateway: Gateway, { DRAIN_SECONDS }: Settings, logger: Logger): void {
  let stopping = false;
  const stop = (signal: string): void => {
    // Platforms may send the signal more than once.
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    const late = setTimeout(() => {
      logger.error(
        { drainSeconds: DRAIN_SECONDS },
        'not everything ended in time; what is on the log is delivered after the next start',
      );
      process.exit(0);
    }, DRAIN_SECONDS * 1000);
    gateway.stop().then(
      () => {
        clearTimeout(late);
        logger.info('stopped');
        process.exit(process.exitCode ?? 0);
      },
      (error: unknown) => {
        logger.fatal({ reason: error instanceof Error ? error.message : String(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}
