import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { mistakes } from './judge.ts';
import { lost } from './kept.ts';
import { type Playing, play } from './play.ts';
import { tables } from './tables.ts';

const rows = Object.values(tables).flat();

describe('what clients really send', ({ it, before }) => {
  let playing: Playing;
  before(async () => {
    playing = await play(rows);
  });
  const playedOf = (name: string) => playing.played.find(({ row }) => row.name === name);

  it('has rows of different names', () => {
    const names = rows.map(({ name }) => name);
    assert.equal(
      names.filter((name, at) => names.indexOf(name) !== at),
      [],
    );
  });

  for (const [kind, table] of Object.entries(tables)) {
    for (const { name, source } of table) {
      it(`${kind}: ${name} (${source})`, () => {
        const played = playedOf(name);
        const found = played ? mistakes(played) : ['it was not played'];
        if (found.length > 0) throw new Error([`${kind}: ${name}`, ...found].join('\n  '));
      });
    }
  }

  it('never is answered by a fault of the gateway, and none is logged', () => {
    const faults = playing.played.flatMap(({ row, answers }) =>
      answers
        .filter(({ status }) => status === 0 || status >= 500)
        .map(({ status, body }) => `${row.name}: ${status} ${body}`),
    );
    assert.equal(faults, []);
    assert.equal(playing.errors, []);
  });

  it('loses nothing that was answered with success: each value is in the event, in its extra, or in quarantine', () => {
    const missing = playing.played.flatMap((played) => lost(played).map((value) => `${played.row.name}: ${value}`));
    assert.equal(missing, []);
  });
});
