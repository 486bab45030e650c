import type { Saboteur } from './saboteur.ts';

/** Those that let one shop hold up the others, or say nothing of what they cannot read. */
export const stoppers: readonly Saboteur[] = [
  {
    name: 'parser',
    does: 'reads whole records to tell whether an id is known, and all that are asked for at once',
    audit: 'lookback',
    caughtBy: ['WAIT', 'REFUSED'],
    changes: [
      {
        file: 'adapters/logs/lmdb-log.js',
        piece: 'heads.set(position, this.#parts.heads.at(shop.name, position));',
        by: `heads.set(position, (globalThis.passes = structuredClone(this.#pages.collect(shop.name, position - 1, shop.committed, 25)), this.#parts.heads.at(shop.name, position)));`,
      },
      {
        file: 'adapters/logs/lmdb-log.js',
        piece: 'this.#lookBacks.ask(shop.name, found.length)',
        by: 'undefined',
      },
    ],
  },
  {
    name: 'skipper',
    does: 'leaves out what it cannot read, and goes on',
    audit: 'unreadable',
    caughtBy: ['SAID'],
    changes: [
      {
        file: 'server/deliver.js',
        piece: 'if (to > (cursor.progress.leaveOut ?? 0))',
        by: 'if (false)',
      },
    ],
  },
];
