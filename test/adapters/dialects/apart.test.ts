import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { dialects } from '../../../adapters/dialects/index.ts';
import { describe } from '../../support/describe.ts';

/** Where the name of a dialect is no knowledge of its contract, by file, and why. */
const MAY_NAME: Readonly<Record<string, string>> = {
  'schemas/event.ts': 'descriptions of fields say which dialect brings them',
  'server/ingest/enrich/channel.ts': 'tapcart is also the builder of an app, which names itself in the User-Agent',
  'server/cli/send.ts': 'examples in the help of `send`',
};

const sourcesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith('.ts') && !path.startsWith(join('adapters', 'dialects')));

const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

describe('the dialects', ({ it }) => {
  it('are named by no other source, so that one more is a folder and a line', () => {
    const names = new RegExp(dialects.map(({ name }) => name).join('|'), 'i');
    const sources = ['adapters', 'schemas', 'server'].flatMap(sourcesIn);
    assert.ok(sources.length > 150, 'hardly any sources');
    const found = sources.filter((path) => names.test(withoutComments(readFileSync(path, 'utf8'))));
    assert.equal(found.sort(), Object.keys(MAY_NAME).sort());
  });
});
