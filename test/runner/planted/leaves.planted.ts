import { spawn } from 'node:child_process';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';

describe('a file that does not clean up', ({ it }) => {
  it('leaves a process and a folder', () => {
    temporaryFolder();
    console.log(`left ${spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid}`);
  });
});
