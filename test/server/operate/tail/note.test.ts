import * as assert from 'uvu/assert';
import { LogUnavailable } from '../../../../adapters/logs/log.ts';
import type { Others } from '../../../../adapters/logs/state/cursors.ts';
import type { TailLine } from '../../../../schemas/admin-api/tail.ts';
import { noteOf, withNote } from '../../../../server/operate/tail/note.ts';
import { describe } from '../../../support/describe.ts';

const noteWith = (others: () => Promise<Others>, deliversEvents: boolean) =>
  noteOf({ store: { state: { cursors: { others } } }, deliversEvents: deliversEvents });

describe('the note before a tail', ({ it }) => {
  it('says whose deliveries and events are not shown, and nothing where all are', async () => {
    const note = (takers: number, movers: number, deliversEvents: boolean) =>
      noteWith(async () => ({ takers, movers }), deliversEvents);
    assert.is(await note(0, 0, true), undefined);
    assert.is(
      await note(0, 1, false),
      'not shown: what another process delivers; receipts say what became of an event',
    );
    assert.is(
      await note(2, 1, true),
      'not shown: what another process delivers, and what 2 other processes take in; receipts say what became of an event',
    );
    assert.match(
      (await note(0, 0, false)) ?? '',
      /^no process delivers anything: start one with PROCESS=worker or all$/,
    );
  });

  it('says that it may lack something where the log cannot be asked', async () => {
    const note = await noteWith(() => Promise.reject(new LogUnavailable('away')), true);
    assert.match(note ?? '', /^not shown: what other processes do; the log cannot be asked/);
  });

  it('comes first', async () => {
    const lines = async function* (): AsyncGenerator<TailLine> {
      yield { kind: 'missed', lines: 3 };
    };
    const seen: string[] = [];
    for await (const { kind } of withNote(lines(), async () => 'something')) seen.push(kind);
    for await (const { kind } of withNote(lines(), async () => undefined)) seen.push(kind);
    assert.equal(seen, ['note', 'missed', 'missed']);
  });
});
