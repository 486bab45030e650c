import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { forOurShop } from './documents.ts';
import { fuzz, type Trial } from './schemathesis.ts';
import { asOperator, described, enough, openStage, quiet, type Stage } from './stage.ts';

/** The tail: an answer that does not end, by which a fuzzer would wait for ever. */
const ENDLESS = '/admin/tail';

/** Node itself answers an address of more than 32 KB, and no body. */
const TOO_LONG = ['431'];

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

  const ask = (
    of: (path: string) => boolean,
    trial: Pick<Trial, 'mode' | 'examples' | 'checks' | 'phases' | 'headers'>,
  ) => {
    const paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => of(path)));
    const { url, headers } = stage;
    const checks = [...described, 'response_headers_conformance', ...trial.checks] as const;
    return fuzz({ headers, ...trial, document: forOurShop({ ...document, paths }, TOO_LONG), url, checks });
  };

  // The bounds of ten schemas, each with all of its fields, would be two thousand requests.
  for (const [what, of, examples, phases] of [
    ['a batch', (path: string) => path === '/beacon', 60, ['examples', 'fuzzing']],
    ['what is no batch', (path: string) => path !== '/beacon' && !isAdmin(path), 15, undefined],
  ] as const) {
    it(
      `allows nothing that the gateway refuses: ${what}`,
      async () => {
        const found = await ask(of, {
          mode: 'positive',
          examples,
          checks: ['positive_data_acceptance'],
          ...(phases && { phases }),
        });
        quiet(found);
        enough(found, 60);
      },
      { timeoutMs: 300_000 },
    );

    it(
      `describes every answer to what it does not allow: ${what}`,
      async () => {
        const found = await ask(of, {
          mode: 'negative',
          examples,
          checks: ['unsupported_method'],
          ...(phases && { phases }),
        });
        quiet(found);
        enough(found, 60);
      },
      { timeoutMs: 300_000 },
    );
  }

  it(
    'describes every answer of the admin API',
    async () => {
      for (const mode of ['positive', 'negative'] as const) {
        const found = await ask((path) => isAdmin(path) && path !== ENDLESS, {
          mode,
          examples: 5,
          checks: [],
          headers: asOperator,
        });
        quiet(found);
        enough(found, 200);
      }
    },
    { timeoutMs: 300_000 },
  );
});

const isAdmin = (path: string): boolean => path.startsWith('/admin/');
