import { readdirSync } from 'node:fs';
import { Check } from 'typebox/value';
import * as assert from 'uvu/assert';
import { logKind, logKinds, openStore } from '../../../adapters/logs/index.ts';
import { LogUnusable } from '../../../adapters/logs/log.ts';
import type { StoreOptions } from '../../../adapters/logs/store.ts';
import { Settings } from '../../../schemas/settings.ts';
import { describe } from '../../support/describe.ts';

const schemes = logKinds.flatMap((kind) => kind.schemes);

describe('the kinds of logs', ({ it }) => {
  it('are all that LOG_URL may name, and each scheme is of one kind', () => {
    assert.is(new Set(schemes).size, schemes.length);
    for (const scheme of schemes) {
      const url = scheme === 'memory' ? 'memory:' : `${scheme}://somewhere`;
      assert.ok(Check(Settings.properties.LOG_URL, url), url);
      assert.ok(logKind(url)?.schemes.includes(scheme));
    }
  });

  it('are found by the scheme alone', () => {
    assert.is(logKind('lmdb:data/log')?.folder?.('lmdb:data/a:b'), 'data/a:b');
    for (const url of ['', 'lmdbs:x', 'LMDB:x', 'data/lmdb:x', 'postgresqls://x', 'mongodb://x'])
      assert.is(logKind(url), undefined, url);
  });

  it('refuse a URL of no kind in a sentence', async () => {
    const error = await openStore('mongodb://x', {} as StoreOptions).catch((reason: unknown) => reason);
    assert.ok(error instanceof LogUnusable);
    assert.is(error.message, 'LOG_URL: must start with lmdb:, postgres: or memory:, got "mongodb:"');
  });

  it('say what an answer promises before anything is opened, but for a database', () => {
    const said = (isWiped: boolean) => schemes.map((scheme) => logKind(`${scheme}:`)?.durabilityHere(isWiped));
    assert.equal(said(false), ['disk', undefined, undefined, 'process']);
    assert.equal(said(true), ['ephemeral', undefined, undefined, 'process']);
  });

  it('are the folders beside it, but for what is of all of them', () => {
    const folders = readdirSync(new URL('../../../adapters/logs', import.meta.url), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !['ipc', 'state'].includes(entry.name))
      .map(({ name }) => name);
    assert.equal(folders.sort(), ['lmdb', 'memory', 'postgres']);
    assert.is(folders.length, logKinds.length);
  });
});
