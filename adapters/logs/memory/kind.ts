import type { LogKind } from '../kind.ts';

/** `memory:`, for tests. */
export const memory: LogKind = {
  schemes: ['memory'],
  isShared: false,
  durabilityHere: () => 'process',
  open: async (_, options) => (await import('./open.ts')).openMemory(options),
};
