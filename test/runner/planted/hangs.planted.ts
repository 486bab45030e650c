import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/folder.ts';

const child = spawn('sleep', ['600'], { detached: true, stdio: 'inherit' });
const pids = `pids ${process.pid} ${child.pid}\n`;
console.log(pids);
writeFileSync(join(temporaryFolder().path, 'pids'), pids);
await new Promise(() => setInterval(() => {}, 1000));
