import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { beacon, call, glood, layersEvent } from '../support/gateway.ts';
import { inputs } from './inputs.ts';
import { openStage, type Stage } from './stage.ts';
import { bestTrialOf, shown, wrongIn } from './trial.ts';

const STALL_MS = 50;
const GROWTH_MB = 60;

describe('hostile input', ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
    // What is compiled at the first call is no fault of the input.
    for (let i = 0; i < 50; i += 1) {
      await beacon(stage.port, [layersEvent(), {}], { lane: i % 2 ? 'gzip' : 'plain' });
      await glood(stage.port, {});
    }
  });
  after(() => stage.stop());

  for (const [kind, list] of Object.entries(inputs)) {
    for (const input of list) {
      it(`${kind}: ${input.name} is answered ${shown(input.answers)}, and holds nobody up`, async () => {
        const trial = await bestTrialOf(stage, input);
        const { stall, growth } = trial;
        assert.ok(stage.alive(), 'the process has ended');
        assert.equal(wrongIn(input, trial), []);
        assert.ok(stall < STALL_MS, `${stall.toFixed(0)} ms in one piece`);
        assert.ok(growth < GROWTH_MB, `${growth.toFixed(0)} MB more`);
      });
    }

    it(`${kind}: and the next shopper is served, with every event accounted for`, async () => {
      assert.is((await beacon(stage.port, [layersEvent()])).status, 201);
      const { body } = await call(stage.port, { method: 'GET', path: '/readyz' });
      assert.equal([JSON.parse(body).ready, JSON.parse(body).balanced], [true, true]);
    });
  }
});
