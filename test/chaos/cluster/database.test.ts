import * as assert from 'uvu/assert';
import { openPostgres } from '../../../adapters/logs/postgres/open.ts';
import { never, SHOP, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { until } from '../../support/until.ts';
import { pause } from '../random.ts';
import { sampleConnections, withinBudget } from './connections.ts';
import { type RentedDatabase, rentDatabase } from './database.ts';
import { quarrels } from './moves.ts';

describe('the database of a cluster', ({ it, before, after }) => {
  let database: RentedDatabase;
  before(async () => {
    database = await rentDatabase(4);
  });
  after(() => database.close());

  it('says which process moved a pipeline, also one that had no right to', async () => {
    const { state, close } = await openPostgres(database.urlFor('worker1'), storeOptions());
    await database.watch();
    const pipeline = { shop: SHOP, pipeline: 'p' };
    await state.cursors.begin(pipeline);
    const cursor = await state.cursors.claim(pipeline, never);
    await cursor.save({ progress: { ...cursor.progress, position: 7, delivered: 7 } });
    assert.equal(quarrels(await database.moves()), []);

    await database.postgres.query(
      database.name,
      `update headless_events.pipelines set progress = '{"position":3}' where pipeline = 'p'`,
    );
    await cursor.release();
    await close();
    const moves = await database.moves();
    assert.equal(
      moves.map(({ process, kind, before, position }) => [process, kind, before, position]),
      [
        ['worker1', 'claimed', 0, 0],
        ['worker1', 'saved', 0, 7],
        ['', 'saved', 7, 3],
        ['worker1', 'released', 3, 3],
      ],
    );
    assert.equal(quarrels(moves), [`${SHOP}/p:  saved it while worker1 had it`]);
  });

  it('refuses what its role may not have, and is seen to have more connections than a smaller budget allows', async () => {
    const open = (name: string) => openPostgres(database.urlFor(name), { ...storeOptions(), process: 'web' });
    const sampler = await sampleConnections(database.postgres.url(database.name));
    const [one, other] = await Promise.all([open('web1'), open('web2')]);
    const third = open('web3');
    await until(() => database.refused() > 0);
    // Both have theirs now, for as long as it takes to be seen with them.
    await pause(500);
    await one.close();
    await (await third).close();
    await other.close();
    const samples = await sampler.stop();
    assert.is(withinBudget(samples, 4).passed, true);
    assert.is(withinBudget(samples, 3).passed, false);
  });
});
