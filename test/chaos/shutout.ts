import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds } from '../bench/processes.ts';
import { selfTimeTable } from '../bench/profile.ts';
import { freePort } from '../support/ports.ts';
import { openCgroup } from './cgroup.ts';
import { ended, firstMessage, startNode } from './children.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { caughtUp, watchMemory } from './overload/gauges.ts';
import { pause } from './random.ts';
import { commonOptions, judged } from './scenario.ts';
import { ADMIN_TOKEN, ATTACKER } from './shutout/attack.ts';
import { attacks } from './shutout/attacks.ts';
import { openReceiver } from './shutout/receiver.ts';
import { type Served, shopper } from './shutout/shopper.ts';
import { pipelineOf } from './targets.ts';

/**
 * One client wants to shut out all others, with the public token of its own shop, in one way after the other, at default limits in 512 MB. The shopper
 * of another shop must get no 503, wait at most twice as long as without the attack, and the process must live.
 *
 * The gateway runs as it would: on the embedded log, whose commits wait for the disk, with a webhook for each shop. The shopper sends at a steady rate,
 * whatever comes back, so that its times alone are those of a gateway at work, and no wait of it is left out. It is measured before each attack and
 * after it, and the attack begins under its load; the bound is twice the larger of the two. Attackers are on other machines in truth, so each attack is
 * a process of its own with the least priority: it gets the processor time that the gateway and the shopper leave, and the figures say how the
 * gateway shares, and not how the scheduler does. All come from one address, as behind a router.
 *
 *   node --import tsx test/chaos/shutout.ts --only unfinished,brotli-held --seconds 5
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    only: { type: 'string' },
    seconds: { type: 'string', default: '6' },
    'memory-mb': { type: 'string', default: '512' },
    /** Twice the time alone, and this many milliseconds more: below that a p99 says how busy the machine is, and not whom the gateway serves. */
    'spare-ms': { type: 'string', default: '5' },
    /** Prints the functions in which the gateway spent its time. */
    profile: { type: 'boolean', default: false },
  },
});

const VICTIM = 'victim-token';
const SPARE_MS = Number(values['spare-ms']);
/** As long as beside the attack, so that a pause of the garbage collector weighs the same in both. */
const ALONE_SECONDS = Number(values.seconds);
const SETTLES_MS = 1000;
const LEAST_PRIORITY = ['chrt', '-o', '0', 'nice', '-n', '39'];

interface Met {
  readonly name: string;
  readonly told: string;
  readonly alone: number;
  readonly beside: Served;
}

const findings = (met: readonly Met[], megabytes: number, killed: number): Finding[] => {
  const where = (is: (one: Met) => boolean) => met.filter(is).map(({ name, told }) => `${name}: ${told}`);
  return [
    none(
      'SHUTOUT',
      'attacks in which another shop got 503',
      where(({ beside }) => beside.refused > 0),
    ),
    none(
      'UNANSWERED',
      'attacks in which another shop got another answer than 201, or none',
      where(({ beside }) => beside.lost > 0),
    ),
    none(
      'SLOWER',
      `attacks in which the p99 of another shop is more than twice its own alone, and ${SPARE_MS} ms`,
      where(({ alone, beside }) => beside.p99 > 2 * alone + SPARE_MS),
    ),
    atMost('RSS', 'MB of memory at the most', megabytes, Number(values['memory-mb'])),
    exactly('KILLED', 'times that the kernel ended it for want of memory', killed, 0),
    atLeast(
      'MET',
      'requests of the other shop beside an attack',
      met.reduce((sum, { beside }) => sum + beside.sent, 0),
      100,
    ),
  ];
};

await judged(values, async (folder, entry) => {
  const only = values.only?.split(',');
  const chosen = attacks.filter(({ name }) => only?.includes(name) ?? true);
  const [port, receiver] = [await freePort(), await freePort()];
  const cgroup = openCgroup({ memoryMb: Number(values['memory-mb']) });
  const shopOf = (shop: string, token: string) => ({
    shop,
    tokens: [token],
    pipelines: [pipelineOf({ shop, pipeline: 'webhook', port: receiver })],
  });
  const shops = [shopOf('attacker.myshopify.com', ATTACKER), shopOf('victim.myshopify.com', VICTIM)];
  // The limits as they are by default, also those of rates.
  const environment = { RATE_PER_TOKEN: '1000', RATE_PER_SHOP: '2000', ADMIN_TOKEN };
  const profiles = join(folder, 'profiles');
  const nodeArguments = values.profile ? ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${profiles}`] : [];
  const webhook = await openReceiver(receiver);
  const config = { shops };
  const gateway = startGateway({ entry, folder, port, config, environment, nodeArguments, under: cgroup.under });
  try {
    await gateway.ready();
    const watched = watchMemory(gateway.pid);
    await shopper({ port, token: VICTIM, seconds: 2 });
    const met: Met[] = [];
    for (const { name, does } of chosen) {
      const one = await played(gateway, name);
      console.log(`${name} (${does}): ${one.told}`);
      met.push(one);
    }
    const memory = watched.stop();
    if (values.profile) {
      await gateway.stop();
      console.log(selfTimeTable(profiles));
    }
    return findings(met, memory.whole, cgroup.killed());
  } finally {
    await gateway.kill();
    await webhook.close();
    cgroup.remove();
  }
});

/** The shopper alone, beside the attack from its first moment on, and alone again. */
async function played({ port, pid }: Gateway, name: string): Promise<Met> {
  const alone = (): Promise<Served> => shopper({ port, token: VICTIM, seconds: ALONE_SECONDS });
  const before = await alone();
  const attacker = startNode(
    ['--import', 'tsx', join(import.meta.dirname, 'shutout', 'attacks.ts'), JSON.stringify({ name, port })],
    { under: LEAST_PRIORITY },
  );
  await firstMessage(attacker);
  const used = cpuSeconds(pid) ?? 0;
  const begin = performance.now();
  const besides = shopper({ port, token: VICTIM, seconds: Number(values.seconds) });
  attacker.send('begin');
  const beside = await besides;
  const cores = ((cpuSeconds(pid) ?? 0) - used) / ((performance.now() - begin) / 1000);
  await ended(attacker, 'SIGKILL');
  await caughtUp(port);
  await calm(port);
  await pause(SETTLES_MS);
  const after = await alone();
  const told = `${shown(before)} alone, ${shown(beside)} beside it, ${shown(after)} after it; ${cores.toFixed(2)} cores, ${JSON.stringify(beside.statuses)}`;
  return { name, told, alone: Math.max(before.p99, after.p99), beside };
}

/** What an attack leaves behind must not pass for what the shopper has alone. */
async function calm(port: number): Promise<void> {
  for (let tries = 0; tries < 40; tries += 1)
    if ((await shopper({ port, token: VICTIM, seconds: 0.25 })).p99 < 100) return;
}

function shown({ p50, p99, p999 }: Served): string {
  return `p50/p99/p999 ${p50}/${p99}/${p999} ms`;
}
