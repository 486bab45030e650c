import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { gloodAtLeast, gloodForOurShop } from './documents.ts';
import { type Check, fuzz } from './schemathesis.ts';
import { described, enough, openStage, quiet, type Stage, statuses } from './stage.ts';

describe("Glood's published document", ({ it, before, after }) => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
  });
  after(() => stage?.close());
  const ask = (document: object, mode: 'positive' | 'negative', examples: number, checks: readonly Check[]) =>
    fuzz({ document, url: stage.url, headers: stage.headers, mode, examples, checks: [...described, ...checks] });

  it(
    'allows nothing that the gateway refuses',
    async () => {
      const found = await ask(gloodForOurShop(), 'positive', 200, ['positive_data_acceptance']);
      quiet(found);
      assert.equal(Object.keys(statuses(found.exchanges)), ['200']);
      enough(found, 200);
    },
    { timeoutMs: 300_000 },
  );

  it(
    'forbids nothing that ends in an answer which it does not describe',
    async () => {
      const found = await ask(gloodForOurShop(), 'negative', 100, ['unsupported_method']);
      quiet(found);
      enough(found, 100);
    },
    { timeoutMs: 300_000 },
  );

  it(
    'is refused where no event can be made of what came',
    async () => {
      const found = await ask(gloodAtLeast(), 'negative', 80, ['negative_data_rejection']);
      quiet(found);
      enough(found, 100);
    },
    { timeoutMs: 300_000 },
  );
});
