import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Balance } from '../../../schemas/admin-api/balance.ts';
import type { PageOf } from '../../../schemas/admin-api/common.ts';
import type { DeadView } from '../../../schemas/admin-api/dead-letters.ts';
import { freePort } from '../../support/ports.ts';
import type { Admin } from '../admin.ts';
import { shops } from '../audit.ts';
import { idOf } from '../events.ts';
import { type Finding, none } from '../findings.ts';
import type { Received } from '../judge.ts';
import { type Entry, linesOf } from '../ledger.ts';
import { listening } from '../listen.ts';
import { destinationOf, type Target } from '../targets.ts';
import { type Case, canaries, casesWith } from './cases.ts';
import type { Observed } from './judge.ts';
import { type Asked, openSick, type Poured, type Sick } from './sick.ts';
import { reportsOf, type Watch } from './watch.ts';

const [{ shop }] = shops;

/** All cases, each with a pipeline to it. */
export interface Ward extends Sick {
  readonly cases: readonly Case[];
  readonly targets: readonly Target[];
  /** Who has come to where redirects point. */
  readonly strangers: readonly string[];
  /** When each was asked while it was sick, and how much it could say at most in one answer. */
  asked(name: string): number[];
  poured(): number;
}

export async function openWard(folder: string, record: string): Promise<Ward> {
  const canary = await openCanary();
  const cases = casesWith(canary.port);
  const targets = await Promise.all(cases.map(targetOf));
  const ports = Object.fromEntries(targets.map(({ pipeline, port }) => [pipeline, port]));
  const asked = join(folder, 'asked.ndjson');
  const sick = await openSick({ shop, ports, canaryPort: canary.port, record, asked });
  return {
    cases,
    targets,
    strangers: canary.strangers,
    asked: (name) =>
      linesOf<Asked | Poured>(asked).flatMap((line) => (line.name === name && 'at' in line ? [line.at] : [])),
    poured: () => Math.max(0, ...linesOf<Asked | Poured>(asked).map((line) => ('bytes' in line ? line.bytes : 0))),
    mend: sick.mend,
    async close() {
      canary.close();
      await sick.close();
    },
  };
}

async function targetOf({ name, https, host = '127.0.0.1', rules, fault }: Case): Promise<Target> {
  const port = await freePort();
  const target = { shop, pipeline: name, port };
  const settings = {
    url: `${https ? 'https' : 'http'}://${host}:${port}/${destinationOf(target)}`,
    secret: canaries.secret,
    headers: { 'x-api-key': canaries.key },
    ...(fault.timeoutSeconds !== undefined && { timeoutSeconds: fault.timeoutSeconds }),
  };
  return { ...target, settings, ...(rules && { rules }) };
}

async function openCanary() {
  const strangers: string[] = [];
  const port = await freePort();
  const server = createServer((socket) => {
    strangers.push(`${socket.remoteAddress}:${socket.remotePort}`);
    socket.on('error', () => {}).destroy();
  });
  await listening(server, port);
  return { port, strangers, close: () => void server.close() };
}

/** Where each case stands while its destination is sick. */
export async function observe(
  ward: Ward,
  watch: Watch,
  admin: Admin,
  told: ReadonlyMap<string, readonly number[]>,
): Promise<Map<string, Omit<Observed, 'dead'>>> {
  const reports = await reportsOf(admin);
  return new Map(
    ward.cases.map(({ name, fault }) => {
      const delivered = reports.find(({ pipeline }) => pipeline === name)?.delivered ?? 0;
      const asked = fault.closed ? (told.get(name) ?? []) : ward.asked(name);
      return [name, { phases: watch.phases.get(name) ?? [], asked, delivered }];
    }),
  );
}

/** When the gateway says that it made attempts that failed, by pipeline. */
export function toldIn(output: string): Map<string, number[]> {
  const told = new Map<string, number[]>();
  for (const line of readFileSync(output, 'utf8').split('\n')) {
    if (!line.includes('"delivery attempted"')) continue;
    const { pipeline, time } = JSON.parse(line) as { pipeline: string; time: string };
    told.set(pipeline, [...(told.get(pipeline) ?? []), Date.parse(time)]);
  }
  return told;
}

/** What only an operator can get going again. */
export async function resume(cases: readonly Case[], admin: Admin): Promise<void> {
  for (const { name, afterwards } of cases) {
    const path = `/pipelines/${shop}/${name}`;
    if (afterwards === 'suspend and resume') await admin.order(`${path}/suspend`, { reason: 'it is well again' });
    if (afterwards === 'resume' || afterwards === 'suspend and resume') await admin.order(`${path}/resume`);
  }
}

export async function lettersOf(admin: Admin): Promise<DeadView[]> {
  const letters: DeadView[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const page = await admin.ask<PageOf<DeadView>>(`/dead?limit=1000${after === undefined ? '' : `&after=${after}`}`);
    letters.push(...page.items);
    after = page.next;
  }
  return letters;
}

/** Every event is delivered, or dead, or waits where its pipeline was left, and the books say the same. Pure. */
export function bookkeeping(
  balance: Balance,
  received: readonly Received[],
  letters: readonly Pick<DeadView, 'shop' | 'pipeline' | 'event'>[],
  targets: readonly Target[],
  kept: ReadonlySet<string>,
): Finding {
  const arrived = new Map<string, Set<string>>();
  for (const { destination, id } of received) {
    const ids = arrived.get(destination) ?? new Set();
    arrived.set(destination, ids.add(id));
  }
  const wrong = targets.flatMap((target) => {
    const destination = destinationOf(target);
    const ids = arrived.get(destination) ?? new Set();
    const dead = letters.filter((letter) => destinationOf(letter) === destination);
    const both = dead.filter(({ event }) => ids.has(event.event_id)).map(({ event }) => event.event_id);
    const pipeline = balance.pipelines.find((one) => destinationOf(one) === destination);
    const is = [pipeline?.delivered, pipeline?.dead, pipeline?.difference, pipeline?.pending === 0];
    const expected = [ids.size, dead.length, 0, !kept.has(target.pipeline)];
    const books =
      `${is}` === `${expected}` ? [] : [`${destination}: ${expected} expected, ${JSON.stringify(pipeline)}`];
    return [...books, ...both.map((id) => `${id} arrived at ${destination} and is dead there`)];
  });
  const unbalanced = balance.balanced ? [] : ['the gateway itself says that its books do not balance'];
  return none('BALANCE', 'books other than what arrived and what is dead', [...wrong, ...unbalanced]);
}

/** When the request with each acknowledged event was sent. */
export function timesIn(ledger: string, run: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const entry of linesOf<Entry>(ledger)) {
    if (entry.kind !== 'acked') continue;
    for (let n = entry.from; n < entry.from + entry.count; n += 1)
      times.set(idOf(run, entry.lane, n), (entry.at ?? 0) - (entry.ms ?? 0));
  }
  return times;
}

/** Where a secret stands in what the gateway says. */
export function leaks(said: Readonly<Record<string, string>>): Finding {
  const secrets = [canaries.secret, canaries.secret.slice('whsec_'.length), canaries.key];
  const found = Object.entries(said).flatMap(([place, text]) =>
    secrets.flatMap((secret) => {
      const at = text.indexOf(secret);
      return at < 0 ? [] : [`${place}: ${text.slice(Math.max(0, at - 200), at)}`];
    }),
  );
  return none('SECRET', 'secrets in what the gateway says', found);
}
