#!/usr/bin/env node
// What `npx headless-events` starts. npx links a command once and keeps that link: so the file must be there, and be
// executable, before the first build and after each.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../dist/server/cli.js', import.meta.url);
if (existsSync(built)) {
  process.argv[1] = fileURLToPath(built);
  await import(built.href);
} else {
  console.error('headless-events: must be built once, got no dist/; run `npm run build` in the folder of the gateway');
  process.exitCode = 1;
}
