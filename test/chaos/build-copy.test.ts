import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { temporaryFolder } from '../support/folder.ts';
import { copyBuild } from './build-copy.ts';

describe('a changed copy of a build', ({ it, after }) => {
  const folder = temporaryFolder();
  after(folder.remove);
  const entry = join(folder.path, 'dist/server/main.js');
  mkdirSync(dirname(entry), { recursive: true });
  writeFileSync(entry, 'open();\nclose();\nclose();\n');
  const copied = (name: string, piece: string, file = 'server/main.js') => {
    const own = join(folder.path, name);
    mkdirSync(own);
    return copyBuild(entry, own, [{ file, piece, by: "$& dies('$1');" }]);
  };

  it('has another piece in the place of one, word for word, and leaves the build as it is', () => {
    const copy = copied('once', 'open();');
    assert.is(readFileSync(copy, 'utf8'), "$& dies('$1');\nclose();\nclose();\n");
    assert.is(readFileSync(entry, 'utf8'), 'open();\nclose();\nclose();\n');
  });

  it('names the piece that is not there, or not only there', () => {
    assert.throws(
      () => copied('none', 'flush();'),
      /once in the compiled server\/main\.js, found it 0 times:\nflush\(\);/,
    );
    assert.throws(() => copied('twice', 'close();'), /found it 2 times:\nclose\(\);/);
    assert.throws(() => copied('nowhere', 'open();', 'server/gone.js'), /compiled server\/gone\.js, found it 0 times/);
  });
});
