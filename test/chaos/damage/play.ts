import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Below } from '../../support/damage.ts';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import type { Received } from '../judge.ts';
import { pause } from '../random.ts';
import type { Arrival } from '../sink.ts';
import type { Case } from './cases.ts';
import { compare, type Outcome } from './compare.ts';
import { configOf, type Sound, send, shop } from './sound.ts';

export type { Outcome } from './compare.ts';

export interface Shared {
  readonly entry: string;
  readonly sound: Sound;
  /** A sink that several use, each under a name of its own, and what has come to it. */
  readonly sinkPort: number;
  readonly arrivals: () => readonly Arrival[];
}

export const NEW_EVENTS = 100;
const MOST_EXITS = 3;
const QUIET_MS = 20_000;

/** Damages a copy of the sound log, starts a gateway on it, and looks at what it does. */
export async function playCase(
  { entry, sound, arrivals, sinkPort }: Shared,
  one: Case,
  { folder, seed, random }: { readonly folder: string; readonly seed: number; readonly random: Below },
): Promise<Outcome> {
  const name = `${one.name}, seed ${seed}`;
  const path = encodeURIComponent(name.replaceAll(/[ ,]+/g, '-'));
  mkdirSync(folder);
  const log = join(folder, 'log');
  cpSync(sound.log, log, { recursive: true, filter: (file) => !file.endsWith('.sock') });
  one.damage(log, sound.other, random);
  const port = await freePort();
  const launch = () => startGateway({ entry, folder, port, config: configOf(shop, sinkPort, path) });
  const { gateway, readyMs, exits } = await started(launch);
  if (gateway === undefined) return compare({ one, name, sound, exits, readyMs });

  const acked = await send(port, shop, 'after', NEW_EVENTS);
  const arrived = (): Received[] =>
    arrivals().filter((line): line is Arrival & Received => 'id' in line && line.destination === path);
  await delivered(port, () => new Set(arrived().map(({ id }) => id)).size, acked.size);
  const alarmed = await isAlarmed(port);
  const exit = await gateway.stop();
  return compare({ one, name, sound, exits, readyMs, acked, arrived: arrived(), alarmed, exit });
}

/** Starts again where it exits, as a platform does, but not for ever. */
async function started(launch: () => Gateway): Promise<{ gateway?: Gateway; readyMs: number; exits: number }> {
  const begin = performance.now();
  for (let exits = 0; exits < MOST_EXITS; exits += 1) {
    const gateway = launch();
    try {
      await gateway.ready(30_000);
      return { gateway, readyMs: performance.now() - begin, exits };
    } catch (error) {
      console.log(`${error}`);
      await gateway.kill();
    }
  }
  return { readyMs: performance.now() - begin, exits: MOST_EXITS };
}

/** Waits until the pipeline has nothing left to do, and as many have arrived as are promised. */
async function delivered(port: number, arrived: () => number, least: number): Promise<void> {
  const isDone = async (): Promise<boolean> => {
    const { pipelines } = await readyz(port);
    return pipelines.every(({ pending }) => pending === 0) && arrived() >= least;
  };
  await until(isDone, QUIET_MS).catch(() => {});
  await pause(200);
}

/** Whether both the page for platforms and the metrics tell of damage. */
async function isAlarmed(port: number): Promise<boolean> {
  const { log } = await readyz(port);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return log.damage !== undefined && /^gateway_log_damaged_since_seconds [1-9]/m.test(metrics);
}

interface Readyz {
  readonly log: { readonly damage?: object };
  readonly pipelines: readonly { readonly pending: number }[];
}

const readyz = async (port: number): Promise<Readyz> =>
  (await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()) as Readyz;
