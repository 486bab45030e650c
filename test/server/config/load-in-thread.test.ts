import * as assert from 'uvu/assert';
import { destinations } from '../../../adapters/destinations/index.ts';
import { ConfigError } from '../../../server/base/errors.ts';
import { loadRunnable } from '../../../server/config/durability.ts';
import { loadInThread } from '../../../server/config/load-in-thread.ts';
import { readSettings } from '../../../server/config/settings.ts';
import { describe } from '../../support/describe.ts';

const settings = readSettings({});
const found = (source: string) => ({ kind: 'text', source }) as const;
const shops = (count: number): string =>
  `shops:\n${Array.from({ length: count }, (_, n) => `  - { shop: s${n}.myshopify.com, tokens: ["\${TOKEN}-${n}"], pipelines: [{ id: a, destination: { type: file } }] }`).join('\n')}`;

describe('a configuration that is read by a thread', ({ it }) => {
  it('is the same as one that is read here, and others have their turns meanwhile', async () => {
    const given = { found: found(shops(300)), settings, env: { TOKEN: 'secret' } };
    let turns = 0;
    const turn = (): void => {
      turns += 1;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    const config = await loadInThread(given);
    clearImmediate(next);
    assert.equal(config, loadRunnable({ ...given, destinations }));
    // Read here it would take a single turn.
    assert.ok(turns > 20, `${turns} turns`);
  });

  it('has the same mistakes', async () => {
    const error = await loadInThread({ found: found(shops(1)), settings, env: {} }).catch((reason: unknown) => reason);
    assert.instance(error, ConfigError);
    assert.match(
      (error as ConfigError).mistakes.join(),
      /must name an environment variable with a value, got \$\{TOKEN\}/,
    );
  });
});
