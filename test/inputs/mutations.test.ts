import * as assert from 'uvu/assert';
import type { Event } from '../../schemas/event.ts';
import { describe } from '../support/describe.ts';
import type { Reply } from '../support/gateway.ts';
import { exactly } from './exact.ts';
import { lostOf } from './kept.ts';
import { type Mutant, mutantsOf, requestsOf } from './mutate.ts';
import { gloodText, layersText, tapcartText } from './requests.ts';
import type { Sent } from './row.ts';
import { openStage, type Quarantined, type Stage } from './stage.ts';
import { exchange } from './wire.ts';

const AT_ONCE = 32;
const SHOP = 'demo.myshopify.com';
const token = 'demo-token';

const senders: Readonly<Record<Mutant['speaks'], (text: string) => Sent>> = {
  layers: (text) => layersText(text, { headers: { 'x-storefront-access-token': token } }),
  glood: (text) => gloodText(text, { headers: { authorization: `Bearer ${token}`, 'x-shop': SHOP } }),
  tapcart: (text) => tapcartText(text, { path: `/webhooks/tapcart?token=${token}` }),
};

interface Fate {
  readonly mutant: Mutant;
  readonly answer: Reply;
  readonly event: Event | undefined;
  readonly quarantined: Quarantined | undefined;
}

describe('something odd in place of each value of each valid body', ({ it, before, after }) => {
  let stage: Stage;
  const fates: Fate[] = [];
  before(async () => {
    stage = await openStage([{ shop: SHOP, tokens: [token] }], 'disk');
    for (const speaks of ['layers', 'glood', 'tapcart'] as const) await play(stage, speaks, fates);
  });
  after(() => stage.close());

  it('is tried at many places', () => assert.ok(fates.length > 2000, String(fates.length)));

  it('never is a fault of the gateway', () => {
    const faults = fates.filter(({ answer }) => answer.status === 0 || answer.status >= 500);
    none(faults.map(told));
    assert.equal(stage.errors, []);
  });

  it('never costs the event where the contract can do without the value', () => {
    const refused = fates.filter(({ mutant, event }) => mutant.isOptional && event === undefined);
    none(refused.map(told));
  });

  it('is kept: in the event, in its extra, or in quarantine', () => {
    const gone = fates.flatMap((fate) => {
      const { mutant, event, quarantined } = fate;
      if (!event && !quarantined && fate.answer.status !== 403)
        return [`${told(fate)}: neither stored nor in quarantine`];
      const kept = { events: event ? [event] : [], quarantined: quarantined ? [quarantined] : [] };
      return fate.answer.status === 403
        ? []
        : lostOf(mutant.speaks, exactly(mutant.text), kept).map((value) => `${told(fate)}: ${value}`);
    });
    none(gone);
  });
});

function none(found: readonly string[]): void {
  if (found.length > 0) throw new Error([`${found.length} of them:`, ...found.slice(0, 40)].join('\n  '));
}

async function play(stage: Stage, speaks: Mutant['speaks'], fates: Fate[]): Promise<void> {
  const mutants = mutantsOf(speaks);
  const queue = requestsOf(mutants, senders[speaks]);
  const answers = new Map<Mutant, Reply>();
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [answer] = await exchange(stage.port, next.sent);
      if (answer) for (const mutant of next.brings) answers.set(mutant, answer);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const all = new Set(answers.values());
  const accepted = [...all].reduce((sum, { headers }) => sum + Number(headers['x-events-accepted'] ?? 0), 0);
  const before = fates.filter(({ event }) => event).length;
  const events = (await stage.received(accepted + before)).get(SHOP)?.events ?? [];
  const byId = new Map(events.map((event) => [String(event.extra?.mutant), event]));
  const quarantined = new Map(
    ((await stage.quarantined()).get(SHOP) ?? []).map((one) => [/"mutant":"([^"]+)"/.exec(one.raw)?.[1], one]),
  );
  for (const mutant of mutants) {
    const answer = answers.get(mutant) ?? { status: 0, headers: {}, body: 'no answer' };
    fates.push({ mutant, answer, event: byId.get(mutant.id), quarantined: quarantined.get(mutant.id) });
  }
}

const told = ({ mutant, answer, quarantined }: Fate): string =>
  `${mutant.speaks} ${mutant.fixture}: ${mutant.path} = ${JSON.stringify(mutant.odd).slice(0, 60)}: ${answer.status} ${quarantined?.reasons.join('; ') ?? answer.body.slice(0, 200)}`;
