import type { Saboteur } from './saboteur.ts';

/** Those that let one shop hold up the others, or say nothing of what they cannot read. */
export const stoppers: readonly Saboteur[] = [
  {
    name: 'hoarder',
    does: 'keeps unfinished bodies that stand still, and refuses other shops for want of their room',
    audit: 'shutout',
    caughtBy: ['SHUTOUT'],
    changes: [
      {
        file: 'server/overload/body-budget.js',
        piece: 'if (room.total() <= most || time - body.movedAt < SLOW_MS)',
        by: 'if (true)',
      },
      {
        file: 'server/overload/body-budget.js',
        piece: 'if (!room.holdsMuch(shop))',
        by: 'if (false)',
      },
    ],
  },
  {
    name: 'gulper',
    does: 'parses at once whatever a client brings at once',
    audit: 'dust',
    caughtBy: ['SLOWER'],
    changes: [
      {
        file: 'server/overload/input-scheduler.js',
        piece: '#isParsedAtOnce(bytes) {',
        by: '#isParsedAtOnce(bytes) { this.#parser.take(bytes); return true;',
      },
    ],
  },
  {
    name: 'waiter',
    does: 'serves requests that come together like those of clients that wait for each answer',
    audit: 'pipelines',
    caughtBy: ['SLOWER'],
    changes: [
      { file: 'server/overload/input-scheduler.js', piece: 'const HEADS = 4;', by: 'const HEADS = Infinity;' },
      {
        file: 'server/overload/input-scheduler.js',
        piece: "return 'together';",
        by: "return 'small';",
      },
      { file: 'server/http/connections.js', piece: 'const MOST_AT_ONCE = 16;', by: 'const MOST_AT_ONCE = Infinity;' },
    ],
  },
  {
    name: 'parser',
    does: 'reads whole records to tell whether an id is known, and all that are asked for at once',
    audit: 'lookback',
    caughtBy: ['WAIT', 'REFUSED'],
    changes: [
      {
        file: 'adapters/logs/lmdb/admission.js',
        piece: 'heads.set(position, this.#parts.heads.at(shop.name, position));',
        by: `heads.set(position, (globalThis.passes = structuredClone(this.#parts.pages.collect(shop.name, position - 1, shop.committed, 25)), this.#parts.heads.at(shop.name, position)));`,
      },
      {
        file: 'adapters/logs/lmdb/admission.js',
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
        file: 'server/deliver/window.js',
        piece: 'if (to > (cursor.progress.leaveOut ?? 0))',
        by: 'if (false)',
      },
    ],
  },
];

/** Those that undo what an operator was told, or forget what a destination has taken. */
export const undoers: readonly Saboteur[] = [
  {
    name: 'old-address',
    does: 'lets a running replay keep its destination through a reload',
    audit: 'orders',
    caughtBy: ['STALE'],
    changes: [
      {
        file: 'server/operate/replay-runner.js',
        piece: 'await Promise.all(outdated.map(([id]) => this.#end(id)));',
        by: '',
      },
    ],
  },
  {
    name: 'vanisher',
    does: 'leaves pipelines that were taken out of the configuration out of the balance',
    audit: 'orders',
    caughtBy: ['OWED'],
    changes: [
      {
        file: 'server/operate/balance.js',
        piece: 'const byPipeline = statuses.map(pipelineBalance);',
        by: "const byPipeline = statuses.filter(({ state }) => state !== 'orphaned').map(pipelineBalance);",
      },
    ],
  },
  {
    name: 'revenant',
    does: 'confirms the discard of a dead letter that is being tried once more, and goes on trying',
    audit: 'orders',
    caughtBy: ['DISCARDED'],
    changes: [
      {
        file: 'adapters/logs/lmdb/letters.js',
        piece: 'if (letter.redrive && !all) {',
        by: `if (letter.redrive) return letter;
            if (letter.redrive && !all) {`,
      },
    ],
  },
  {
    name: 'stop-forgets',
    does: 'forgets at an orderly stop what was delivered ahead of the cursor',
    audit: 'orders',
    caughtBy: ['REPEATED'],
    changes: [{ file: 'server/deliver/ledger.js', piece: 'if (ahead === undefined)', by: 'if (true)' }],
  },
  {
    name: 'double-counter',
    does: 'lets two redrives of quarantine at once count the same events twice',
    audit: 'orders',
    caughtBy: ['QUARANTINE'],
    changes: [
      {
        file: 'adapters/logs/jobs.js',
        piece: 'export const overlap = (one, other) => ',
        by: 'export const overlap = (one, other) => false && ',
      },
      {
        file: 'adapters/logs/lmdb/admission.js',
        piece: 'shop.releasing.has(id) || !this.#parts.state.quarantine.has(shop.name, id)',
        by: 'false',
      },
    ],
  },
];
