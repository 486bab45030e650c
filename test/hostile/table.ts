import { readFileSync, writeFileSync } from 'node:fs';
import { beacon, glood, layersEvent } from '../support/gateway.ts';
import { withPart } from '../support/readme.ts';
import { inputs } from './inputs.ts';
import { openStage } from './stage.ts';
import { bestTrialOf, shown, type Trial, wrongIn } from './trial.ts';

// Sends every hostile input to a gateway of its own and prints what it did; with --write the page beside this gets the summary, and answers.csv every answer. Exit code 1 where an
// answer is another than the input wants.
const milliseconds = (ms: number) => (ms < 1 ? '< 1' : ms.toFixed(0));
const cell = (text: string) => (/[",\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const rows: string[] = [];
const summary: string[] = [];
for (const [kind, list] of Object.entries(inputs)) {
  const stage = await openStage();
  for (let i = 0; i < 200; i += 1) {
    await beacon(stage.port, [layersEvent(), {}], { lane: i % 2 ? 'gzip' : 'plain' });
    await glood(stage.port, {});
  }
  const trials: Trial[] = [];
  for (const input of list) {
    const trial = await bestTrialOf(stage, input);
    trials.push(trial);
    for (const fault of wrongIn(input, trial)) {
      console.error(`${input.name}: ${fault}`);
      process.exitCode = 1;
    }
    const { statuses, ms, stall } = trial;
    rows.push([input.name, shown(statuses), milliseconds(ms), milliseconds(stall)].map(cell).join(','));
  }
  await stage.stop();
  const slowest = Math.max(...trials.map(({ ms }) => ms));
  const longest = Math.max(...trials.map(({ stall }) => stall));
  const answers = shown([...new Set(trials.flatMap(({ statuses }) => statuses))].sort());
  summary.push(`| ${kind} | ${list.length} | ${answers} | ${milliseconds(slowest)} | ${milliseconds(longest)} |`);
}

const part = [
  '| Kind of input | Inputs | Answers | Slowest, ms | Longest stall, ms |',
  '| --- | --- | --- | --- | --- |',
  ...summary,
].join('\n');
const each = `${['input,answer,"time, ms","stall, ms"', ...rows].join('\n')}\n`;
console.log(`${part}\n\n${each}`);
if (process.argv.includes('--write')) {
  const page = 'test/hostile/README.md';
  writeFileSync(page, withPart(readFileSync(page, 'utf8'), 'hostile', part));
  writeFileSync('test/hostile/answers.csv', each);
}
