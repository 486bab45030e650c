import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { shops, startAudit } from './audit.ts';
import { atLeast, atMost, exactly, type Finding, none } from './findings.ts';
import { judgeProbes } from './full/judge.ts';
import { keep } from './full/keeper.ts';
import { probe, probed, secondsTaken, secondsToTaken, statuses } from './full/probe.ts';
import { startGateway } from './gateway.ts';
import { NotRun } from './not-run.ts';
import { pause } from './random.ts';
import { judged, logOptions } from './scenario.ts';
import { openSink } from './sink.ts';
import { type SmallDisk, smallDisk } from './tmpfs.ts';

/**
 * A first start finds no room on the disk of the log. Then it fills up under load: first to where nothing is taken and deliveries go on, then with a little more room to where
 * carts and checkouts are taken, and after a while with room again at once to the last byte. A gateway that exits is started again, as a
 * platform does. Then the disk is made larger, and in the end everything that was acknowledged must have arrived.
 *
 *   node --import tsx test/chaos/full.ts --rounds 2
 */
const { values } = parseArgs({
  options: {
    ...logOptions,
    /** How often the disk fills up in one run. */
    rounds: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '16' },
    /** Events per second. */
    rate: { type: 'string', default: '2000' },
    'quiet-seconds': { type: 'string', default: '60' },
  },
});

const MB = 1024 ** 2;
const DISK_MB = 64;
/** Of 64 MB the gateway reserves a twentieth. */
const RESERVE = DISK_MB * 0.05 * MB;
const LEAST_REFUSED = 10;
/** A busy machine is no fault; the gateway looks at a disk that is nearly full ten times a second. */
const REFUSED_WITHIN_S = 1.5;
const BACK_WITHIN_S = 5;
const RESTARTS = 2;

await judged(values, async (folder, entry) => {
  if (values.log !== 'lmdb') throw new NotRun('the scenario database fills the disk of a PostgreSQL');
  const disk = smallDisk(join(folder, 'disk'), DISK_MB);
  try {
    return await onDisk(disk, folder, entry);
  } finally {
    disk.remove();
  }
});

async function onDisk(disk: SmallDisk, folder: string, entry: string): Promise<readonly Finding[]> {
  const [port, sinkPort] = [await freePort(), await freePort()];
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort }));
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate) };
  const audit = startAudit({ folder: join(folder, 'audit'), port, seed: Number(values.seed), load, targets });
  // Slower than the load, so that there is something to deliver while nothing is taken.
  const sink = await openSink({ port: sinkPort, record: audit.record, manners: { holdMs: 300 } });
  const config = withProbe(audit.config);
  const environment = { LOG_URL: `lmdb:${join(disk.path, 'log')}` };
  const launch = () => startGateway({ entry, folder, port, config, environment });

  // The first start of all finds no room.
  disk.leave(0);
  const keeper = keep(launch);
  const first = await until(() => readyz(port), 20_000);
  await pause(1000);
  const stubborn = keeper.gaps().length;
  disk.leave(40 * MB);
  const startedAt = performance.now();
  await until(async () => (await readyz(port))?.status === 200, 20_000);
  const startSeconds = (performance.now() - startedAt) / 1000;

  const looks = probe(port);
  const { seen } = looks;
  audit.startLoad();
  const findings: Finding[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    await until(() => audit.sent() > 2000 * round, 30_000);
    findings.push(...(await slowly()), ...(await atOnce()));
  }
  disk.resize(DISK_MB * 4);
  await audit.loadEnded('SIGTERM');
  await looks.stop();
  const verdict = await audit.verdict(Number(values['quiet-seconds']) * 1000, {
    allowedDuplicates: keeper.gaps().length * 500,
  });
  const exit = await keeper.stop();
  await sink.close();
  return [
    exactly('STANDS', 'status of /readyz at a first start without any room', first?.status ?? 0, 503),
    none('REASON', 'what it says there, where that is not what to do', withoutRemedy(first)),
    exactly('LOOP', 'exits at a first start without any room', stubborn, 0),
    atMost('START', 'seconds from room to ready', startSeconds, BACK_WITHIN_S),
    ...findings,
    atMost(
      'RESTARTS',
      'times the gateway exited, by disks full to the last byte',
      keeper.gaps().length,
      RESTARTS * Number(values.rounds),
    ),
    ...judgeProbes(seen, keeper.gaps()),
    atLeast('ACKED', 'events acknowledged', verdict.acked, 1000),
    ...verdict.findings,
    exactly('EXIT', 'exit code at SIGTERM', exit ?? -1, 0),
  ];

  /** Below the reserve, while there is something to deliver; then a little above it. */
  async function slowly(): Promise<Finding[]> {
    const tightAt = performance.now();
    const arrivedBefore = audit.arrivals().length;
    disk.leave(RESERVE * 0.5);
    await pause(3000);
    const said = await readyz(port);
    const arrived = audit.arrivals().length - arrivedBefore;
    const scarceAt = performance.now();
    disk.leave(RESERVE * 1.6);
    await pause(4000);
    const backAt = performance.now();
    disk.leave(30 * MB);
    await pause(2500);
    const scarce = statuses(seen, scarceAt + REFUSED_WITHIN_S * 1000, backAt);
    console.log('scarce', scarce, 'full', statuses(seen, tightAt, scarceAt), said?.body);
    return [
      atLeast('MET', 'browse events refused where room is scarce', scarce['product_view 503'] ?? 0, 2),
      atLeast('CARTS', 'cart events taken meanwhile', scarce['add_to_cart 201'] ?? 0, 2),
      atMost('SALE', 'cart events refused meanwhile', scarce['add_to_cart 503'] ?? 0, 0),
      atMost(
        'UNTIL',
        'seconds until nothing is taken below the reserve',
        secondsTaken(seen, tightAt, scarceAt),
        REFUSED_WITHIN_S,
      ),
      exactly('READYZ', 'status of /readyz meanwhile', said?.status ?? 0, 503),
      none('REASON', 'what it says there, where that is not what to do', withoutRemedy(said)),
      atLeast('DELIVERED', 'events that arrived while nothing was taken', arrived, 100),
      atMost('BACK', 'seconds from room to the first 2xx', secondsToTaken(seen, backAt), BACK_WITHIN_S),
    ];
  }

  /** To the last byte, in the middle of commits. */
  async function atOnce(): Promise<Finding[]> {
    const [fullAt, before] = [performance.now(), keeper.gaps().length];
    disk.leave(0);
    // Whatever has been freed by an exit is taken too, as by the program that fills the disk.
    const refusals = (): number => {
      const { 'product_view 503': browse = 0, 'add_to_cart 503': sale = 0 } = statuses(
        seen,
        fullAt + REFUSED_WITHIN_S * 1000,
        performance.now(),
      );
      return browse + sale;
    };
    // Longer where an exit and the start after it take most of the time.
    for (let n = 0; n < 25 || (n < 100 && refusals() < LEAST_REFUSED); n += 1) {
      await pause(200);
      disk.leave(0);
    }
    const met = refusals();
    const [backAt, exits] = [performance.now(), keeper.gaps().length - before];
    console.log('to the last byte', statuses(seen, fullAt, backAt), 'exits', exits);
    disk.resize(DISK_MB * 2);
    await pause(BACK_WITHIN_S * 1000);
    disk.leave(DISK_MB * 1.5 * MB);
    disk.resize(DISK_MB);
    return [
      atMost(
        'UNTIL',
        'seconds until nothing is taken on a disk without any room',
        secondsTaken(seen, fullAt, backAt),
        REFUSED_WITHIN_S,
      ),
      atLeast('MET', 'events refused with 503 meanwhile', met, LEAST_REFUSED),
      atMost('BACK', 'seconds from a larger disk to the first 2xx', secondsToTaken(seen, backAt), BACK_WITHIN_S),
    ];
  }
}

function withProbe(config: object): object {
  const { shops: audited } = config as { shops: readonly object[] };
  return { ...config, shops: [...audited, { shop: probed.shop, tokens: [probed.token], pipelines: [] }] };
}

interface Said {
  readonly status: number;
  readonly body: string;
}

/** Undefined where nobody answers. */
async function readyz(port: number): Promise<Said | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(2000) });
    return { status: answer.status, body: await answer.text() };
  } catch {
    return undefined;
  }
}

function withoutRemedy(said: Said | undefined): string[] {
  return /free on the disk of the log.*enlarge the disk/.test(said?.body ?? '') ? [] : [said?.body ?? 'no answer'];
}
