import type { LogKind } from '../kind.ts';

/** `postgres://…`: in a database, for several processes, and for platforms whose disk does not last. */
export const postgres: LogKind = {
  schemes: ['postgres', 'postgresql'],
  isShared: true,
  remedy: 'let the database run with fsync=on and synchronous_commit=on',
  durabilityHere: () => undefined,
  open: async (url, options) => (await import('./open.ts')).openPostgres(url, options),
  migrate: async (url, encrypt) => (await import('./open.ts')).migratePostgres(url, encrypt),
};
