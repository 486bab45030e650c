import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import { type Answer, isAnswer } from '../answers.ts';
import { archive, shops, startAudit } from '../audit.ts';
import { booksAgree } from '../database/books.ts';
import { atLeast, type Finding } from '../findings.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { type Entry, linesOf } from '../ledger.ts';
import type { LoaderOptions } from '../loader.ts';
import { seeded } from '../random.ts';
import { stopped } from '../scenario.ts';
import { settledBalance } from '../settled.ts';
import { openSink } from '../sink.ts';

export interface RoundOptions {
  /** Of the round alone: its ledgers, and what the gateway prints. */
  readonly folder: string;
  /** Where the gateway has its log. */
  readonly log: string;
  /** The gateway's main.js. */
  readonly entry: string;
  readonly seed: number;
  readonly load: Pick<LoaderOptions, 'lanes' | 'batch' | 'rate' | 'answerMs'>;
  /** Most events that one destination may see again. */
  readonly repeats: number;
  readonly leastAcked: number;
  /** How long destinations may take to catch up; a minute if absent. */
  readonly quietMs?: number;
}

/** A load, and a gateway on a log to which something happens. */
export interface Round {
  readonly random: () => number;
  readonly startLoad: () => void;
  /** Starts the gateway on its log, under another program if need be. */
  launch(under?: readonly string[]): Gateway;
  /** The same, and waits until it is ready. */
  start(under?: readonly string[]): Promise<Gateway>;
  /** Waits until the load gets answers again. */
  loaded(): Promise<unknown>;
  answers(): Answer[];
  /** What the gateways have printed. */
  readonly output: string;
  /** How long each start took until it was ready. */
  readonly readyMs: readonly number[];
}

/** What happened, and the gateway that lives in the end. */
export interface Happened {
  readonly findings: readonly Finding[];
  readonly gateway: Gateway;
}

/**
 * Most events that one end of a gateway may make one destination see again: its batches in flight, 4 of 100 at a webhook. A file
 * has larger ones while it catches up.
 */
export const IN_FLIGHT = 1_000;
const QUIET_MS = 60_000;
const READY_MS = 30_000;
const LOADED_MS = 30_000;

/** Lets something happen to a gateway under load, and judges what became of every event. Its gateways have ended when it ends. */
export async function audited(
  options: RoundOptions,
  happen: (round: Round) => Promise<Happened>,
): Promise<readonly Finding[]> {
  const { folder, log, entry, seed, load, quietMs = QUIET_MS } = options;
  const [port, sinkPort] = [await freePort(), await freePort()];
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort }));
  const audit = startAudit({ folder: join(folder, 'audit'), port, seed, load, targets, archive: true });
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 10 } });
  const gateways: Gateway[] = [];
  const readyMs: number[] = [];
  const ends: number[] = [];
  const launch = (under?: readonly string[]): Gateway => {
    const environment = { ADMIN_TOKEN, LOG_URL: `lmdb:${log}` };
    const gateway = startGateway({ entry, folder, port, config: audit.config, environment, under, ends });
    gateways.push(gateway);
    return gateway;
  };
  try {
    const { findings, gateway } = await happen({
      random: seeded(seed),
      startLoad: audit.startLoad,
      launch,
      async start(under) {
        const started = launch(under);
        readyMs.push(await started.ready(READY_MS));
        return started;
      },
      loaded() {
        const before = audit.sent();
        return until(() => audit.sent() > before, LOADED_MS);
      },
      answers: () => (existsSync(audit.ledger) ? linesOf<Entry>(audit.ledger).filter(isAnswer) : []),
      output: join(folder, 'gateway.log'),
      readyMs,
    });
    await audit.loadEnded('SIGTERM');
    const balance = await settledBalance(port, quietMs);
    const { findings: verdict, acked } = await audit.verdict(quietMs, {
      allowedDuplicates: options.repeats,
      ends: { at: ends, most: IN_FLIGHT },
    });
    return [
      ...findings,
      atLeast('ACKED', 'events acknowledged', acked, options.leastAcked),
      ...verdict,
      booksAgree(balance, audit.arrivals(), [...targets, archive]),
      await stopped(gateway),
    ];
  } finally {
    await audit.loadEnded('SIGTERM').catch(() => {});
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await sink.close();
  }
}
