import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { compiled } from './built.ts';
import { describe } from './describe.ts';
import { temporaryFolder } from './folder.ts';

const broken: Record<string, string> = {
  'a failing before': `describe('x', ({ it, before }) => { before(() => { throw new Error('no') }); it('a', () => {}) })`,
  'a failing after': `describe('x', ({ it, after }) => { after(() => { throw new Error('no') }); it('a', () => {}) })`,
  'a failing afterEach': `describe('x', ({ it, afterEach }) => { afterEach(() => { throw new Error('no') }); it('a', () => {}) })`,
  'a test that never ends': `describe('x', ({ it }) => { it('a', () => new Promise(() => setTimeout(() => {}, 300)), { timeoutMs: 50 }) })`,
  'a suite without tests': `describe('x', () => {})`,
  'a run without suites': '',
};

describe('describe', ({ it }) => {
  for (const [name, body] of Object.entries(broken)) {
    it(`fails the run for ${name}`, () => {
      const folder = temporaryFolder();
      const wrapper = pathToFileURL(compiled('test/support/describe.ts')).href;
      writeFileSync(join(folder.path, 'x.test.mjs'), `import { describe } from '${wrapper}'; void describe; ${body}`);
      const run = spawnSync(process.execPath, ['node_modules/uvu/bin.js', folder.path], {
        encoding: 'utf8',
      });
      folder.remove();
      assert.is.not(run.status, 0, run.stdout);
    });
  }
});
