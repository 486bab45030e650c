import './config/json-lines.ts';

import cluster from 'node:cluster';
import { existsSync } from 'node:fs';
import { destinations } from '../adapters/destinations/index.ts';
import { IpcConnection } from '../adapters/logs/ipc/connection.ts';
import type { Config } from '../schemas/config.ts';
import type { Settings } from '../schemas/settings.ts';
import { buildOf } from './base/build.ts';
import { systemClock } from './base/clock.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { placesOf } from './base/places.ts';
import { describeConfig } from './config/describe.ts';
import { acceptedWeak, loadRunnable } from './config/durability.ts';
import { type Found, findConfig } from './config/find.ts';
import { endWith, onUncaught, say } from './config/json-lines.ts';
import { loadInThread } from './config/load-in-thread.ts';
import { readSettings, rolesOf } from './config/settings.ts';
import { whatFailed } from './config/start-errors.ts';
import type { Gateway } from './process/gateway.ts';
import { type ConnectionToOwner, channelTo } from './process/process-calls.ts';
import { watchReloads } from './process/reloading.ts';
import { OWNER } from './process/web-processes.ts';

// The process: environment, signals, exit code. The parts for its role are loaded once that is known. UTC, because Date.parse reads times
// without a zone in the zone of the process.
process.env.TZ = 'UTC';

await (process.env[OWNER] ? runWebProcess() : run()).catch((error: unknown) => endWith(error));

async function run(): Promise<void> {
  const given = readSettings(process.env);
  const found = findConfig(given, existsSync);
  const demo = found.kind === 'demo' ? await import('./cli/demo.ts') : undefined;
  const made = demo?.demoToken(given);
  // In the environment, so that web processes inherit it.
  if (made !== undefined) process.env.ADMIN_TOKEN = made;
  const settings = readSettings(process.env);
  const roles = rolesOf(settings, process.env);
  const reloading = watchReloads(found, process);
  const config = loadRunnable({ found, settings, env: process.env, destinations });
  const logger = createLogger(settings.LOG_LEVEL);
  // Until the gateway has started there is nothing to drain, so a signal just exits.
  let stop = (_why: string): void => process.exit(0);
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  const ownsWebProcesses = settings.WEB_CONCURRENCY > 1 && roles.serves === 'everything';
  const start = ownsWebProcesses
    ? (await import('./process/owner.ts')).startOwner
    : (await import('./process/gateway.ts')).startGateway;
  const gateway = await start({ ...toolsOf(settings, logger), config, roles });
  announce(gateway, config, given, found, logger);
  const leave = demo ? beginDemo(demo, gateway, settings, made, logger) : () => {};
  reloading.follow(gateway, () => loadInThread({ found, settings, env: process.env }), logger);
  const end = stopper(gateway, settings, logger);
  stop = (why) => {
    leave();
    end(why);
  };
}

/** One of several web processes, started by the owner of the log, which reads the configuration for all of them. */
async function runWebProcess(): Promise<void> {
  // A signal to the process group reaches this process too. The owner reloads and sends the result.
  process.on('SIGHUP', () => {});
  const settings = readSettings(process.env);
  const logger = createLogger(settings.LOG_LEVEL).child({ web: cluster.worker?.id });
  const connection: ConnectionToOwner = new IpcConnection(channelTo(process));
  let stop = (_why: string): void => process.exit(0);
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  const onStop = () => stop('the owner stops');
  const { startWebProcess } = await import('./process/web-process.ts');
  const gateway = await startWebProcess({ ...toolsOf(settings, logger), connection, onStop });
  stop = stopper(gateway, settings, logger);
}

function toolsOf(settings: Settings, logger: Logger) {
  const onFailure = fail(logger);
  onUncaught(onFailure);
  return { settings, clock: systemClock, random: Math.random, logger, build: buildOf(process.env), onFailure };
}

/** Ends the process after a failure: after a failed commit nobody knows what the disk holds. The next process reads it. */
function fail(logger: Logger): (error: unknown) => void {
  return (error) => {
    logger.fatal({ reason: whatFailed(error), places: placesOf(error) }, 'something failed that must not; stopping');
    process.exitCode = 1;
    // Requests in progress still get their 503.
    setTimeout(() => process.exit(1), 200);
  };
}

function announce(gateway: Gateway, config: Config, settings: Settings, found: Found, logger: Logger): void {
  const lines = describeConfig(config, settings, destinations);
  const { port, durability } = gateway;
  const build = buildOf(process.env);
  const facts = { durability, config: found.kind, ...build };
  logger.info({ ...(port > 0 && { port }), ...facts }, 'gateway started');
  for (const reason of acceptedWeak(config, settings, durability, destinations))
    logger.error({ reason }, 'ALLOW_WEAK_DURABILITY is set: a restart loses events');
  if (settings.LOG_LEVEL === 'silent') return;
  for (const line of lines) say(logger, line);
}

/** Prints first steps, and then the events that come. Gives the function that ends this. */
function beginDemo(
  demo: typeof import('./cli/demo.ts'),
  { port }: Gateway,
  settings: Settings,
  made: string | undefined,
  logger: Logger,
): () => void {
  const leaving = new AbortController();
  if (settings.LOG_LEVEL === 'silent') return () => {};
  console.log(demo.firstSteps({ port, settings, made, entry: import.meta.filename }));
  const onGap = (reason: string) => logger.warn({ reason }, 'some events may get no line');
  const { stdout } = process;
  void demo.printEvents({ stdout, port, settings, sleep: systemClock.sleep, onGap }, leaving.signal);
  return () => leaving.abort();
}

/** Gives the function that stops the gateway and ends the process. Further calls do nothing. */
function stopper(gateway: Gateway, { DRAIN_SECONDS }: Settings, logger: Logger): (why: string) => void {
  let stopping = false;
  return (signal) => {
    // Platforms may send the signal several times.
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    const late = setTimeout(() => {
      logger.error(
        { drain_seconds: DRAIN_SECONDS },
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
        logger.fatal({ reason: whatFailed(error), places: placesOf(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
}
