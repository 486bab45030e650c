import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { growing } from './growing.ts';

describe('a journal that grows', ({ it, after }) => {
  const folder = temporaryFolder();
  after(folder.remove);

  it('gives each line once it is complete, and none twice', () => {
    const path = join(folder.path, 'journal');
    const lines = growing<{ n: string }>(path);
    assert.equal(lines(), []);
    appendFileSync(path, '{"n":"one"}\n{"n":"tw');
    assert.equal(lines(), [{ n: 'one' }]);
    appendFileSync(path, 'ö"}\n');
    assert.equal(lines(), [{ n: 'one' }, { n: 'twö' }]);
    assert.equal(lines(), [{ n: 'one' }, { n: 'twö' }]);
  });

  it('is read to its end, however long it is', () => {
    const path = join(folder.path, 'long');
    const line = `${JSON.stringify('ä'.repeat(1000))}\n`;
    appendFileSync(path, line.repeat(2000));
    assert.is(growing(path)().length, 2000);
  });
});
