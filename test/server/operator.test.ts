import * as assert from 'uvu/assert';
import { openMemory } from '../../adapters/logs/memory.ts';
import { createOperations, type OperatorTools } from '../../server/operator.ts';
import { never, record, SHOP, START, storeOptions } from '../contracts/log.ts';
import { describe } from '../support/describe.ts';
import { countTurns } from '../support/turns.ts';

const ID = { shop: SHOP, pipeline: 'p' };

/** An operator of one shop with one pipeline, on a log in memory. */
function stage() {
  const store = openMemory(storeOptions({ quarantineMax: 1_000 }));
  const tools = {
    store,
    shops: () => ({ all: [{ config: { shop: SHOP } }] }),
    pipelines: { running: async () => [{ id: ID }], find: () => ({}) },
    replays: { ids: async () => [] },
    now: () => START,
  };
  return { ...store, operations: createOperations(tools as unknown as OperatorTools) };
}

describe('an operator who looks through very much', ({ it }) => {
  it('holds nobody up by what is in quarantine', async () => {
    const { log, state, operations } = stage();
    const turns = countTurns();
    const pages: { readonly limit: number; readonly turn: number }[] = [];
    const quarantined = state.quarantined.bind(state);
    state.quarantined = (shop, page) => {
      pages.push({ limit: page.limit, turn: turns.count() });
      return quarantined(shop, page);
    };
    const refused = Array.from({ length: 200 }, (_, n) => ({
      id: `e${n}`,
      index: n,
      code: 'x',
      reasons: [],
      raw: '{}',
    }));
    await log.append(record([], { refused }));
    const receipts = await operations.receipts('e199', undefined);
    turns.stop();
    assert.equal(
      receipts.map(({ eventId }) => eventId),
      ['e199'],
    );
    assert.equal(
      pages.map(({ limit }) => limit),
      [50, 50, 50, 50, 50],
    );
    assert.is(new Set(pages.map(({ turn }) => turn)).size, pages.length);
  });

  it('redrives and discards dead letters in commits of a bounded size', async () => {
    const { log, state, operations } = stage();
    const redriven: number[][] = [];
    const discarded: number[][] = [];
    const redrive = state.redrive.bind(state);
    state.redrive = (id, positions) => {
      redriven.push([...positions]);
      return redrive(id, positions);
    };
    const discardDead = state.discardDead.bind(state);
    state.discardDead = (id, positions, at) => {
      discarded.push([...positions]);
      return discardDead(id, positions, at);
    };
    await log.append(record(Array.from({ length: 1_200 }, (_, n) => `e${n}`)));
    await state.begin(ID);
    const cursor = await state.claim(ID, never);
    const stored = await log.read(SHOP, 0, 1_200, never);
    const dead = stored.map(({ position, event }) => ({ position, event, reason: 'no', attempts: 1, at: START }));
    await cursor.save({ progress: cursor.progress, dead });
    assert.is(await operations.redriveDead({}), 1_200);
    assert.is((await state.dead(ID, { limit: 2_000 })).filter(({ redrive }) => redrive).length, 1_200);
    assert.is(await operations.discardDead({}), 1_200);
    assert.equal(await state.dead(ID, { limit: 1 }), []);
    for (const slices of [redriven, discarded]) {
      assert.equal(
        slices.map(({ length }) => length),
        [500, 500, 200],
      );
      assert.equal(
        slices.flat(),
        stored.map(({ position }) => position),
      );
    }
  });
});
