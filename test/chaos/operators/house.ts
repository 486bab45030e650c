import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/ports.ts';
import { until } from '../../support/until.ts';
import { ADMIN_TOKEN } from '../admin.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { openHalts } from '../halt.ts';
import { pause } from '../random.ts';
import { type Configured, type Fault, now, type Scribe } from './history.ts';

export interface HouseOptions {
  readonly folder: string;
  readonly entry: string;
  /** The URL of the log; on PostgreSQL a web process and two workers share it. */
  readonly log: string;
  readonly history: Scribe;
}

/** A configuration to be followed, and what it says about addresses. */
export interface Written {
  readonly config: object;
  readonly addresses: Configured['addresses'];
  readonly isNarrow: boolean;
}

/** The gateway's processes, whatever happens to them. */
export interface House {
  /** Where requests and orders go. */
  readonly port: number;
  /** Their names, and whether they move pipelines. */
  readonly members: readonly { readonly name: string; readonly delivers: boolean }[];
  open(written: Written): Promise<void>;
  /** kill -9, and a start. */
  kill(name: string): Promise<void>;
  /** SIGTERM, and a start. */
  stop(name: string): Promise<void>;
  /** Stands still for this many milliseconds. */
  halt(name: string, ms: number): Promise<void>;
  /** Has all processes follow a configuration; resolves when they do. Reloads come one after the other. */
  follow(written: Written): Promise<Configured>;
  /** SIGTERM to all. */
  close(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly delivers: boolean;
  readonly port: number;
  readonly folder: string;
  readonly process: string;
  gateway?: Gateway;
  isReady: boolean;
  starts: number;
  startedAt: number;
}

/** What was known of a process right before a file was written. */
interface Seen {
  readonly isReady: boolean;
  readonly starts: number;
  readonly reloads: number;
}

const READY_MS = 40_000;
const RELOADED_MS = 20_000;

export async function openHouse({ folder, entry, log, history }: HouseOptions): Promise<House> {
  const roles: readonly (readonly [string, string, boolean])[] = log.startsWith('lmdb')
    ? [['gateway', 'all', true]]
    : [
        ['web', 'web', false],
        ['worker-1', 'worker', true],
        ['worker-2', 'worker', true],
      ];
  const members = await Promise.all(
    roles.map(async ([name, process, delivers]): Promise<Member> => {
      const own = join(folder, name);
      mkdirSync(own);
      return { name, delivers, process, folder: own, port: await freePort(), isReady: false, starts: 0, startedAt: 0 };
    }),
  );
  const file = join(folder, 'gateway.json');
  const halts = openHalts(join(folder, 'halts'));
  const put = ({ config }: Written) => {
    writeFileSync(`${file}.new`, JSON.stringify(config));
    renameSync(`${file}.new`, file);
  };
  const memberOf = (name: string): Member => {
    const found = members.find((one) => one.name === name);
    if (!found) throw new Error(`expected one of ${members.map((one) => one.name)}, got ${name}`);
    return found;
  };
  const start = async (member: Member) => {
    member.isReady = false;
    member.starts += 1;
    member.startedAt = now();
    const environment = { LOG_URL: log, ADMIN_TOKEN, GATEWAY_CONFIG: file, PROCESS: member.process, LOG_LEVEL: 'info' };
    const gateway = startGateway({ ...member, entry, config: {}, environment });
    member.gateway = gateway;
    const fault: Fault = { kind: 'start', process: member.name, delivers: member.delivers, from: member.startedAt };
    history.faults.push(fault);
    await gateway.ready(READY_MS);
    fault.to = now();
    member.isReady = true;
    history.note('ready', { process: member.name, ms: now() - member.startedAt });
  };
  const gone = async (name: string, kind: Fault['kind'], end: (gateway: Gateway) => Promise<unknown>) => {
    const member = memberOf(name);
    const { gateway } = member;
    if (!gateway) return;
    member.isReady = false;
    const fault: Fault = { kind, process: name, delivers: member.delivers, from: now() };
    history.faults.push(fault);
    history.note(`${kind} begins`, fault);
    const code = await end(gateway);
    fault.to = now();
    if (kind === 'stop') fault.exit = typeof code === 'number' ? code : null;
    history.note(kind, fault);
    await start(member);
  };
  let last: Promise<unknown> = Promise.resolve();
  const reloaded = async (written: Written): Promise<Configured> => {
    const { addresses, isNarrow } = written;
    const counts = await Promise.all(members.map(reloads));
    // In the same turn as the file is written, so that no start comes between.
    const before = members.map(
      ({ isReady, starts }, index): Seen => ({ isReady, starts, reloads: counts[index] ?? 0 }),
    );
    const configured: Configured = { addresses, isNarrow, writtenAt: now() };
    history.configured.push(configured);
    put(written);
    await Promise.all(before.map((seen, index) => follows(members[index] as Member, seen, configured.writtenAt)));
    configured.confirmedAt = now();
    history.note('follows', configured);
    return configured;
  };
  const follows = async (member: Member, before: Seen, writtenAt: number) => {
    const isNew = () => member.starts !== before.starts && member.startedAt > writtenAt;
    let { reloads: from, isReady } = before;
    let wanted = 2;
    if (isReady) signal(member, 'SIGHUP');
    const done = async () => {
      // Whoever starts afterwards reads the new file.
      if (isNew()) return member.isReady;
      if (!member.isReady || member.starts !== before.starts) return false;
      if (!isReady) {
        // It was on its way up, and may have read the old one.
        [isReady, from, wanted] = [true, await reloads(member), 1];
        signal(member, 'SIGHUP');
      }
      // The signal makes one, and the file that has changed another.
      return (await reloads(member)) >= from + wanted;
    };
    await until(done, RELOADED_MS).catch((error: unknown) => {
      throw new Error(`${member.name} does not follow its configuration: ${error}`);
    });
  };
  return {
    port: members[0]?.port ?? 0,
    members,
    async open(written) {
      put(written);
      const at = now();
      const { addresses, isNarrow } = written;
      history.configured.push({ addresses, isNarrow, writtenAt: at, confirmedAt: at });
      for (const member of members) await start(member);
    },
    kill: (name) => gone(name, 'kill', (gateway) => gateway.kill()),
    stop: (name) => gone(name, 'stop', (gateway) => gateway.stop()),
    async halt(name, ms) {
      const member = memberOf(name);
      const fault: Fault = { kind: 'pause', process: name, delivers: member.delivers, from: now() };
      history.faults.push(fault);
      await halts.stop(member.gateway?.pid ?? 0, ms);
      fault.to = now();
      history.note('pause', fault);
    },
    follow(written) {
      const mine = last.then(() => reloaded(written));
      last = mine.catch(() => {});
      return mine;
    },
    async close() {
      await Promise.all(members.map(({ gateway }) => gateway?.stop()));
    },
  };
}

function signal({ gateway }: Member, name: NodeJS.Signals): void {
  try {
    if (gateway) process.kill(gateway.pid, name);
  } catch {
    // It is gone already, and its next life reads the file.
  }
}

/** How many reloads a process has told of since the run began. */
async function reloads({ folder }: Member): Promise<number> {
  await pause(50);
  const output = join(folder, 'gateway.log');
  return existsSync(output) ? readFileSync(output, 'utf8').split('"configuration reloaded"').length - 1 : 0;
}
