import { spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { blockOf, blocksOf } from '../support/readme.ts';

/** Code of adapters/dialects/BROWSERS.md, by the word after its fence. */
export const recipe = (role: string): string =>
  blockOf(blocksOf(readFileSync('adapters/dialects/BROWSERS.md', 'utf8')), role);

export type Runtime = 'Node' | 'React Native';

/**
 * Runs the page's recipe for the SDK without a browser, with this event id (or the SDK's own) and the gateway on this port.
 * Gives what it prints.
 */
export async function runSdkRecipe(runtime: Runtime, id: string | undefined, gatewayPort: number): Promise<string> {
  const folder = temporaryFolder();
  symlinkSync(resolve('.engines/node_modules'), join(folder.path, 'node_modules'));
  const code = recipe('sdk_fetch')
    .replace('https://events.example.com', `http://127.0.0.1:${gatewayPort}`)
    .replace("eventId: 'view-1',", id ? `eventId: '${id}',` : '');
  const file = join(folder.path, 'app.mjs');
  writeFileSync(file, code);
  const preload = runtime === 'Node' ? [] : ['--import', resolve('test/browser/react-native.mjs')];
  try {
    return await outputOf([...preload, file]);
  } finally {
    folder.remove();
  }
}

function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  return new Promise((resolve) => child.on('close', () => resolve(output.trim())));
}
