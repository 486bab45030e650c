import * as assert from 'uvu/assert';
import { ADMIN_TOKEN } from '../support/admin.ts';
import { describe } from '../support/describe.ts';
import { forOurShop } from './documents.ts';
import { type Check, fuzz } from './schemathesis.ts';
import { described, enough, openStage, quiet, type Stage } from './stage.ts';

/** The tail: an answer that does not end, by which a fuzzer would wait for ever. */
const ENDLESS = '/admin/tail';

type Paths = { readonly paths: Readonly<Record<string, object>> };

describe("the gateway's own document", ({ it, before, after }) => {
  let stage: Stage;
  let document: object & Paths;
  before(async () => {
    stage = await openStage();
    const served = await fetch(`${stage.url}/openapi.json`);
    assert.is(served.status, 200);
    document = (await served.json()) as object & Paths;
  });
  after(() => stage?.close());

  const part = (admin: boolean) => {
    const paths = Object.entries(document.paths).filter(
      ([path]) => path.startsWith('/admin/') === admin && path !== ENDLESS,
    );
    return forOurShop({ ...document, paths: Object.fromEntries(paths) });
  };
  const ask = (admin: boolean, mode: 'positive' | 'negative', examples: number, checks: readonly Check[]) =>
    fuzz({
      document: part(admin),
      url: stage.url,
      headers: admin ? { Authorization: `Bearer ${ADMIN_TOKEN}` } : stage.headers,
      mode,
      examples,
      checks: [...described, 'response_headers_conformance', ...checks],
    });

  it(
    'allows no event that the gateway refuses',
    async () => {
      const found = await ask(false, 'positive', 20, ['positive_data_acceptance']);
      quiet(found);
      enough(found, 200);
    },
    { timeoutMs: 120_000 },
  );

  it(
    'describes every answer to what it does not allow',
    async () => {
      const found = await ask(false, 'negative', 20, ['unsupported_method']);
      quiet(found);
      enough(found, 200);
    },
    { timeoutMs: 120_000 },
  );

  it(
    'describes every answer of the admin API',
    async () => {
      for (const mode of ['positive', 'negative'] as const) {
        const found = await ask(true, mode, 5, []);
        quiet(found);
        enough(found, 200);
      }
    },
    { timeoutMs: 240_000 },
  );
});
