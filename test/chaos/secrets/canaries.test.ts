import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { canary, leaks, secrets } from './canaries.ts';

describe('the search for secrets', ({ it, after }) => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  const key = canary('a b+/');
  const inBase64 = (text: string) =>
    ['', 'a:', 'user:', 'someone:'].map((user) => `Basic ${Buffer.from(`${user}${text}.`).toString('base64')}`);
  const found = (text: string) => leaks([{ where: 'here', text }], { key }).length;

  it('finds a secret as it is, in an address, in base64 and in a file, and says where', () => {
    for (const text of [`x${key}y`, encodeURIComponent(key), ...inBase64(key)]) assert.is(found(text), 1, text);
    const file = join(folder.path, 'page');
    writeFileSync(file, Buffer.concat([Buffer.from([0, 255, 128]), Buffer.from(key)]));
    assert.match(leaks([{ where: 'a page', file }], { key }).join(), /key in a page/);
    assert.is(found('nothing of the kind'), 0);
  });

  it('finds what a signing secret is made of', () => {
    const signing = secrets['a signing secret'];
    const bytes = Buffer.from(signing.slice(6), 'base64').toString();
    for (const text of [signing, signing.slice(6), bytes])
      assert.is(leaks([{ where: 'here', text }], { signing }).length, 1, text);
  });

  it('leaves out of a diagnostic report the environment alone', () => {
    const file = join(folder.path, 'report.json');
    const environment = { environmentVariables: { KEY: key } };
    const report = { ...environment, javascriptStack: { message: 'fine' }, workers: [environment] };
    writeFileSync(file, JSON.stringify(report));
    assert.equal(leaks([{ where: 'a report', file }], { key }), []);
    writeFileSync(file, JSON.stringify({ ...report, javascriptStack: { message: key } }));
    assert.is(leaks([{ where: 'a report', file }], { key }).length, 1);
  });
});
