import { existsSync } from 'node:fs';
import { destinations } from '../adapters/destinations/index.ts';
import { findConfig } from './config.ts';
import { loadRunnable } from './durability.ts';
import { readSettings } from './settings.ts';
import { cannotStart } from './start-errors.ts';
import { migrateLog } from './store.ts';
import { withoutCredentials } from './words.ts';

// The step of a deployment between its build and its start: where it fails, a platform leaves the old version running.
await release().catch((error: unknown) => {
  console.error(cannotStart(error).replace('Cannot start', 'Cannot release'));
  process.exit(1);
});

async function release(): Promise<void> {
  const settings = readSettings(process.env);
  // A start would refuse it, when the old version is gone already.
  loadRunnable({ found: findConfig(settings, existsSync), settings, env: process.env, destinations });
  const log = withoutCredentials(settings.LOG_URL);
  if (!/^postgres/.test(log)) return console.log(`log ${log}: nothing to do before the start`);
  const ran = await migrateLog(settings);
  console.log(`log ${log}: ${ran.length === 0 ? 'up to date' : `migrated: ${ran.join(', ')}`}`);
}
