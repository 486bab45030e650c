import { afterScheme, type LogKind } from '../kind.ts';

/** `lmdb:<folder>`: embedded, on a disk of this machine. */
export const lmdb: LogKind = {
  schemes: ['lmdb'],
  isShared: false,
  durabilityHere: (isWiped) => (isWiped ? 'ephemeral' : 'disk'),
  open: async (url, options) => (await import('./open.ts')).openLmdb(afterScheme(url), options),
  folder: afterScheme,
};
