import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { mute, unlike } from './said.ts';

describe('what was provoked', ({ it, after }) => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const expected = { code: 1, says: ['url is wrong'] };

  it('is found where a process ended as it must and says its mistake', () => {
    const where = 'a start';
    assert.equal(unlike([{ where, text: 'the url is wrong', code: 1, expected }]), []);
    assert.equal(unlike([{ where, text: ' \n', code: 1, expected }]), ['a start says nothing']);
    assert.equal(unlike([{ where, text: '', code: 0, expected: { code: 0, says: [] } }]), ['a start says nothing']);
    assert.equal(unlike([{ where, text: 'started', code: 1, expected }]), ['a start does not say "url is wrong"']);
    assert.equal(unlike([{ where, text: 'the url is wrong', code: null, expected }]), [
      'a start ended with null instead of 1',
    ]);
  });

  it('is looked for in texts and in files, not in their names', () => {
    const file = join(folder.path, 'gateway.log');
    writeFileSync(file, '');
    const seen = [
      { where: 'the answer 200 to /metrics', text: 'events 7' },
      { where: 'the file gateway.log', file },
    ];
    assert.equal(mute(seen, { 'the answer 200': 'events' }), []);
    assert.equal(mute(seen, { 'the answer 404': 'events' }), ['the answer 404… without events']);
    assert.equal(mute(seen, { 'the file': 'gateway' }), ['the file… without gateway']);
    writeFileSync(file, 'gateway started');
    assert.equal(mute(seen, { 'the file': 'gateway' }), []);
  });
});
