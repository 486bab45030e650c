import { parseArgs } from 'node:util';
import { shops, startAudit } from './audit.ts';
import { freePort } from './children.ts';
import { atMost, exactly, type Finding, none } from './findings.ts';
import type { Gateway } from './gateway.ts';
import { holdRequests } from './held.ts';
import { type Entry, linesOf } from './ledger.ts';
import { brokenAfterHeaders } from './loader.ts';
import type { Reply } from './post.ts';
import { pause } from './random.ts';
import { commonOptions, play, stopped } from './scenario.ts';
import { openSink } from './sink.ts';

/**
 * SIGTERM under load, while a destination takes 10 s for each request: once, then twice, and so on. The gateway must exit with 0
 * in time; whoever had got his headers across must get a whole answer, which while it drains says `Connection: close`; and
 * nothing may be lost.
 *
 *   node --import tsx test/chaos/stop.ts --times 2
 */
const { values } = parseArgs({
  options: {
    ...commonOptions,
    /** Rounds; in each one signal more is sent. */
    times: { type: 'string', default: '2' },
    'hold-seconds': { type: 'string', default: '10' },
    /** Requests with their headers across and their bodies not. */
    held: { type: 'string', default: '20' },
    /** Requests whose bodies never come: they must not keep the gateway from its end. */
    stalled: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '32' },
    rate: { type: 'string', default: '2000' },
    'quiet-seconds': { type: 'string', default: '90' },
  },
});

const exitSeconds = 25;
/** The bodies of held requests come over so long after the signal. */
const bodiesMs = 5_000;
const signalsApartMs = 200;
const underLoadMs = 4_000;

await play(values, async ({ files, port, start }) => {
  const sinkPort = await freePort();
  const targets = shops.map(({ shop }) => ({ shop, pipeline: 'hook', port: sinkPort }));
  const load = { lanes: Number(values.lanes), batch: 10, rate: Number(values.rate), expectContinue: true };
  const audit = startAudit({ folder: files, port, seed: Number(values.seed), load, targets, archive: true });
  const { run, ledger, record } = audit;
  const slow = await openSink({ port: sinkPort, record, manners: { holdMs: Number(values['hold-seconds']) * 1000 } });
  audit.startLoad();
  const rounds: Finding[] = [];
  for (let signals = 1; signals <= Number(values.times); signals += 1) {
    const gateway = await start(audit.config);
    await pause(underLoadMs);
    const hold = (name: string, requests: number) =>
      holdRequests({ run, ...shops[0], port, ledger, requests }, `${name}${signals}`);
    const held = await hold('held', Number(values.held));
    const stalled = await hold('stalled', Number(values.stalled));
    const [exit, replies] = await Promise.all([terminated(gateway, signals), held.finish(bodiesMs)]);
    await Promise.all([held.close(), stalled.close()]);
    rounds.push(...exit, ...answered(replies, signals));
  }
  await slow.close();
  const quick = await openSink({ port: sinkPort, record });
  const last = await start(audit.config);
  await audit.loadEnded('SIGTERM');
  // Each stop may repeat what the slow destination had taken and not answered.
  const { findings } = await audit.verdict(Number(values['quiet-seconds']) * 1000, {
    allowedDuplicates: Number(values.times) * 1000,
  });
  const exit = await stopped(last);
  await quick.close();
  return [...rounds, unanswered(linesOf<Entry>(ledger)), ...findings, exit];
});

/** Sends SIGTERM so many times. */
async function terminated(gateway: Gateway, signals: number): Promise<Finding[]> {
  const begin = performance.now();
  const end = gateway.stop();
  for (let more = 1; more < signals; more += 1) {
    await pause(signalsApartMs);
    void gateway.stop();
  }
  const code = await end;
  const seconds = (performance.now() - begin) / 1000;
  const after = `after SIGTERM x ${signals}`;
  return [
    exactly('EXIT', `exit code ${after}`, code ?? -1, 0),
    atMost('TIME', `seconds to the exit ${after}`, seconds, exitSeconds),
  ];
}

/** The held requests: each must get 201, and be told that the connection closes. */
function answered(replies: readonly Reply[], signals: number): Finding[] {
  const after = `after SIGTERM x ${signals}`;
  const broken = replies.filter((reply) => !('status' in reply && reply.status === 201));
  const open = replies.filter((reply) => 'status' in reply && reply.headers.connection !== 'close');
  const words = (some: readonly Reply[]) => some.map((reply) => JSON.stringify(reply));
  return [
    none('BROKEN', `of ${replies.length} requests half across, without 201 ${after}`, words(broken)),
    none('OPEN', `of their answers, without Connection: close ${after}`, words(open)),
  ];
}

function unanswered(entries: readonly Entry[]): Finding {
  const cut = entries.filter((entry) => entry.kind === 'unknown' && entry.why.startsWith(brokenAfterHeaders));
  return none(
    'RESET',
    'requests of the load whose headers had arrived and that got no answer',
    cut.map((entry) => JSON.stringify(entry)),
  );
}
