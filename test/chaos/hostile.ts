import { parseArgs } from 'node:util';
import { inputs } from '../hostile/inputs.ts';
import type { Input } from '../hostile/pieces.ts';
import { openStage, type Stage } from '../hostile/stage.ts';
import { bestTrialOf, wrongIn } from '../hostile/trial.ts';
import { beacon, call, glood, layersEvent } from '../support/gateway.ts';
import { atLeast, type Finding, none } from './findings.ts';
import { commonOptions, judged } from './scenario.ts';

/**
 * Every input that was written by hand to do harm: each gets the answer that is written beside it, holds nobody up, and leaves a gateway
 * whose books are right. It runs the sources, in a process of its own.
 *
 *   node --import tsx test/chaos/hostile.ts
 */
const { values } = parseArgs({ options: commonOptions });

const STALL_MS = 50;
const GROWTH_MB = 60;

interface Faults {
  readonly wrong: string[];
  readonly stalled: string[];
  readonly grown: string[];
  readonly after: string[];
}

await judged(values, async () => {
  const faults: Faults = { wrong: [], stalled: [], grown: [], after: [] };
  for (const [kind, list] of Object.entries(inputs)) {
    const stage = await openStage();
    try {
      await played(stage, kind, list, faults);
    } finally {
      await stage.stop();
    }
  }
  return findings(faults);
});

async function played(stage: Stage, kind: string, list: readonly Input[], faults: Faults): Promise<void> {
  // What is compiled at the first call is no fault of an input.
  for (let i = 0; i < 50; i += 1) {
    await beacon(stage.port, [layersEvent(), {}], { lane: i % 2 ? 'gzip' : 'plain' });
    await glood(stage.port, {});
  }
  for (const input of list) {
    const trial = await bestTrialOf(stage, input);
    faults.wrong.push(...wrongIn(input, trial).map((fault) => `${input.name}: ${fault}`));
    if (trial.stall >= STALL_MS) faults.stalled.push(`${input.name}: ${trial.stall.toFixed(0)} ms`);
    if (trial.growth >= GROWTH_MB) faults.grown.push(`${input.name}: ${trial.growth.toFixed(0)} MB`);
    if (!stage.alive()) throw new Error(`the gateway has ended at: ${input.name}`);
  }
  const { status } = await beacon(stage.port, [layersEvent()]);
  if (status !== 201) faults.after.push(`${status} to the next event after ${kind}`);
  const { body } = await call(stage.port, { method: 'GET', path: '/readyz' });
  const { ready, balanced } = JSON.parse(body) as { ready: boolean; balanced: boolean };
  if (!ready || !balanced) faults.after.push(`${body} after ${kind}`);
}

function findings({ wrong, stalled, grown, after }: Faults): Finding[] {
  return [
    none('WRONG', 'inputs with another answer than they are to have', wrong),
    none('STALL', `inputs that hold the gateway up for ${STALL_MS} ms`, stalled),
    none('MEMORY', `inputs that cost ${GROWTH_MB} MB`, grown),
    none('AFTER', 'kinds of inputs after which the gateway is not what it was', after),
    atLeast('MET', 'inputs', Object.values(inputs).flat().length, 150),
  ];
}
