import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { buildOf } from '../../../server/base/build.ts';
import { describe } from '../../support/describe.ts';

describe('what runs here', ({ it }) => {
  it('is a version, a Node, and a commit where the platform says one', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const node = process.version;
    assert.equal(buildOf({}), { version, node });
    assert.equal(buildOf({ HEROKU_SLUG_COMMIT: ' abcdef0123 ', SOURCE_VERSION: 'fedcba9' }).commit, 'abcdef0123');
    assert.equal(buildOf({ HEROKU_SLUG_COMMIT: '', GIT_REV: 'fedcba9' }).commit, 'fedcba9');
    // What is no commit may be anything, and every line of metrics would show it.
    assert.equal(buildOf({ SOURCE_VERSION: 'main; token=hunter2' }), { version, node });
  });
});
