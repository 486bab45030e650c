import { open } from 'lmdb';
import * as assert from 'uvu/assert';
import { openLmdb } from '../../../adapters/logs/lmdb/open.ts';
import { openPostgres } from '../../../adapters/logs/postgres/open.ts';
import { record, SHOP, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import type { Databases } from '../../support/postgres-databases.ts';
import { sharedPostgres } from '../../support/postgres-shared.ts';

const options = storeOptions({ quarantineMax: 1000 });
const refused = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ id: `e${i}`, index: i, code: 'x', reasons: ['no'], raw: `{"n":${i}}` }));

describe('a quarantine kept by a version without an index, on LMDB', ({ it }) => {
  const folder = temporaryFolder();

  /** What that version does: it knows whole entries only. */
  async function before(change: (quarantine: ReturnType<typeof treeOf>) => Promise<unknown>): Promise<void> {
    const root = open({ path: folder.path, encoding: 'binary', maxDbs: 32 });
    await change(treeOf(root));
    await root.close();
  }
  const treeOf = (root: ReturnType<typeof open>) =>
    // biome-ignore lint/suspicious/noExplicitAny: entries as that version wrote them.
    root.openDB<any, [string, number]>({ name: 'quarantine', encoding: 'json' });

  it('is indexed at the start, and put right after a step back to that version', async () => {
    const first = await openLmdb(folder.path, options);
    await first.log.append(record([], { refused: refused(50) }));
    const heads = await first.state.quarantine.heads(SHOP, { limit: 100 });
    await first.close();
    const last = Number(heads.at(-1)?.id);
    await before(async (tree) => {
      const whole = tree.get([SHOP, last]);
      await tree.put([SHOP, last + 1], { ...whole, id: String(last + 1), eventId: 'late' });
      await tree.remove([SHOP, Number(heads[0]?.id)]);
    });
    const { state, close } = await openLmdb(folder.path, options);
    const now = await state.quarantine.heads(SHOP, { limit: 100 });
    assert.equal(
      now.map(({ eventId }) => eventId),
      [...heads.slice(1).map(({ eventId }) => eventId), 'late'],
    );
    assert.is((await state.quarantine.about(SHOP, 'late', { limit: 10 })).length, 1);
    assert.equal(await state.quarantine.about(SHOP, 'e0', { limit: 10 }), []);
    const [sums] = await state.quarantine.sums([SHOP]);
    const { kept, bytes } = sums!;
    assert.equal([kept, bytes], [50, now.reduce((sum, head) => sum + head.bytes, 0)]);
    await close();
    folder.remove();
  });
});

describe('a quarantine kept by a version without an index, on PostgreSQL', ({ it, before }) => {
  let postgres: Databases;
  before(async () => {
    postgres = await sharedPostgres();
  });

  it('is filled in while the log is open', async () => {
    const url = await postgres.createDatabase();
    const first = await openPostgres(url, options);
    await first.log.append(record([], { refused: refused(50) }));
    await first.close();
    await postgres.query(
      url,
      'update headless_events.quarantine_heads set at = null, bytes = null, about = null, head = null',
    );
    await postgres.query(url, 'update headless_events.quarantine_sums set bytes = 0');
    const { state, close } = await openPostgres(url, options);
    const heads = await state.quarantine.heads(SHOP, { limit: 100 });
    assert.is(heads.length, 50);
    assert.is(heads[7]?.eventId, 'e7');
    assert.is((await state.quarantine.about(SHOP, 'e7', { limit: 10 })).length, 1);
    const [sums] = await state.quarantine.sums([SHOP]);
    const { kept, bytes } = sums!;
    assert.equal([kept, bytes], [50, heads.reduce((sum, head) => sum + head.bytes, 0)]);
    await close();
  });
});
