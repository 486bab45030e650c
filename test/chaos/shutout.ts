import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { openCgroup } from './cgroup.ts';
import { ended, startScript } from './children.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { startGateway } from './gateway.ts';
import { memoryOf } from './memory.ts';
import { pause } from './random.ts';
import { commonOptions, judged } from './scenario.ts';
import { ADMIN_TOKEN, ATTACKER } from './shutout/attack.ts';
import { attacks } from './shutout/attacks.ts';
import { shopper } from './shutout/shopper.ts';

/**
 * One client wants to shut out all others, with the public token of its own shop, in one way after the other, at default limits in 512 MB. The shopper
 * of another shop must get no 503, wait at most twice as long as without the attack, and the process must live.
 *
 *   node --import tsx test/chaos/shutout.ts --only unfinished,brotli-held --seconds 5
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    only: { type: 'string' },
    seconds: { type: 'string', default: '4' },
    'memory-mb': { type: 'string', default: '512' },
    /** Below this a p99 says how busy the machine is, and not whom the gateway serves. */
    'least-p99-ms': { type: 'string', default: '100' },
  },
});

const VICTIM = 'victim-token';
const LEAST_P99_MS = Number(values['least-p99-ms']);
const SETTLES_MS = 800;

interface Found {
  readonly refused: readonly string[];
  readonly slow: readonly string[];
  readonly lost: readonly string[];
  readonly most: number;
  readonly sent: number;
  readonly killed: number;
}

const findings = ({ refused, slow, lost, most, sent, killed }: Found): Finding[] => [
  none('SHUTOUT', 'attacks in which another shop got 503', refused),
  none('UNANSWERED', 'attacks in which another shop got another answer than 201, or none', lost),
  none('SLOWER', `attacks in which another shop waits more than twice as long (and ${LEAST_P99_MS} ms)`, slow),
  atMost('RSS', 'MB of memory at the most', most, Number(values['memory-mb'])),
  exactly('KILLED', 'times that the kernel ended it for want of memory', killed, 0),
  atLeast('MET', 'requests of the other shop beside an attack', sent, 100),
];

await judged(values, async (folder, entry) => {
  const only = values.only?.split(',');
  const chosen = attacks.filter(({ name }) => only?.includes(name) ?? true);
  const port = await freePort();
  const cgroup = openCgroup({ memoryMb: Number(values['memory-mb']) });
  const shops = [
    { shop: 'attacker.myshopify.com', tokens: [ATTACKER] },
    { shop: 'victim.myshopify.com', tokens: [VICTIM] },
  ];
  // The limits as they are by default, also those of rates.
  const environment = { RATE_PER_TOKEN: '1000', RATE_PER_SHOP: '2000', ADMIN_TOKEN };
  const gateway = startGateway({ entry, folder, port, config: { shops }, environment, under: cgroup.under });
  const refused: string[] = [];
  const slow: string[] = [];
  const lost: string[] = [];
  let most = 0;
  let sent = 0;
  try {
    await gateway.ready();
    const seconds = Number(values.seconds);
    await shopper({ port, token: VICTIM, seconds: 1 });
    for (const { name, does } of chosen) {
      const alone = await shopper({ port, token: VICTIM, seconds: 2 });
      const attacker = startScript(join(import.meta.dirname, 'shutout', 'attacks.ts'), { name, port });
      await pause(SETTLES_MS);
      const beside = await shopper({ port, token: VICTIM, seconds });
      const memory = memoryOf(gateway.pid).whole;
      await ended(attacker, 'SIGKILL');
      most = Math.max(most, memory);
      sent += beside.sent;
      const told = `p99 ${alone.p99} ms alone, ${beside.p99} ms beside it, ${memory.toFixed(0)} MB`;
      console.log(`${name} (${does}): ${JSON.stringify(beside.statuses)}, ${told}`);
      if (beside.refused > 0) refused.push(`${name}: ${beside.refused} of ${beside.sent}`);
      if (beside.lost > 0) lost.push(`${name}: ${beside.lost} of ${beside.sent}`);
      if (beside.p99 > Math.max(LEAST_P99_MS, 2 * alone.p99)) slow.push(`${name}: ${told}`);
      await pause(SETTLES_MS);
    }
    return findings({ refused, slow, lost, most, sent, killed: cgroup.killed() });
  } finally {
    await gateway.kill();
    cgroup.remove();
  }
});
