import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { PIPELINE_STATES } from '../../schemas/pipeline-state.ts';
import { describe } from '../support/describe.ts';
import { tableOf } from '../support/readme.ts';

const commands = readFileSync('server/operate/README.md', 'utf8');
const page = readFileSync('server/operate/RUNBOOK.md', 'utf8');
/** Lines may break anywhere. */
const runbook = page.replaceAll(/\s+/g, ' ');
const sources = ['server', 'adapters']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(name, 'utf8'));

describe('server/operate/RUNBOOK.md', ({ it }) => {
  it('has every warning and error that the gateway logs', () => {
    const messages = sources.flatMap(messagesIn);
    assert.ok(messages.length > 30, `${messages.length}`);
    const missing = messages.filter((message) => !runbook.includes(message));
    assert.equal(missing, []);
  });

  it('has every metric that the README gives an alarm for, and every state that is a trouble', () => {
    const alarms = tableOf(commands, 'Metric').filter(([, , meaning = '']) => /\[alarm\]/i.test(meaning));
    assert.ok(alarms.length >= 8, `${alarms.length}`);
    for (const [name = ''] of alarms) assert.ok(runbook.includes(name.replaceAll('`', '')), name);
    for (const state of Object.keys(PIPELINE_STATES).filter((state) => !['idle', 'delivering'].includes(state)))
      assert.ok(page.includes(`\n## A pipeline is ${state}\n`), state);
  });

  it('leads from what is seen to each entry', () => {
    const named = [...page.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title);
    assert.ok(named.length >= 15, `${named.length}`);
    const seen = tableOf(page, 'You see')
      .map(([, entry = '']) => entry)
      .join(' ');
    for (const title of named) assert.ok(seen.includes(`[${title}]`), title);
  });
});

/** The last text of each call that logs something of level warn or worse: its first piece that is not put into it. */
function messagesIn(source: string): string[] {
  const calls = source.matchAll(/\b(?:logger|always)\.(?:warn|error|fatal)\(/g);
  return [...calls].flatMap(({ index }) => {
    const [call = ''] = /^.*?\);/s.exec(source.slice(index)) ?? [];
    const text = [...call.matchAll(/'([^'\n]+)'|`([^`\n]+)`/g)].at(-1);
    // The rest of it is a constant or a variable.
    const pieces = (text?.[1] ?? text?.[2] ?? '').split(/\$\{[^}]*\}/).map((piece) => piece.trim());
    return pieces.filter((piece) => piece.length > 4).slice(0, 1);
  });
}
