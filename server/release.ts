import './config/json-lines.ts';

import { existsSync } from 'node:fs';
import { destinations } from '../adapters/destinations/index.ts';
import { createLogger } from './base/logger.ts';
import { loadRunnable } from './config/durability.ts';
import { findConfig } from './config/find.ts';
import { endWith, say } from './config/json-lines.ts';
import { readSettings } from './config/settings.ts';
import { withoutCredentials } from './config/shown.ts';
import { migrateLog } from './log/store.ts';

// The release step of a deployment, between build and start. If it fails, the platform keeps the old version running.
await release().catch((error: unknown) => endWith(error));

async function release(): Promise<void> {
  const settings = readSettings(process.env);
  // Checked here: otherwise the start would refuse it after the old version has gone.
  loadRunnable({ found: findConfig(settings, existsSync), settings, env: process.env, destinations });
  const logger = createLogger(settings.LOG_LEVEL);
  const log = withoutCredentials(settings.LOG_URL);
  if (!/^postgres/.test(log)) return say(logger, `log ${log}: nothing to do before the start`);
  const ran = await migrateLog(settings);
  say(logger, `log ${log}: ${ran.length === 0 ? 'up to date' : `migrated: ${ran.join(', ')}`}`);
}
