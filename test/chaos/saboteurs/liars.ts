import type { Saboteur } from './saboteur.ts';

// Moments that would be a few milliseconds wide are made wider, so that a few kills are enough to meet them.

/** Those that say 2xx, or count as delivered, what they may still lose. */
export const liars: readonly Saboteur[] = (['kill', 'kill on PostgreSQL'] as const).flatMap((audit): Saboteur[] => [
  {
    name: audit === 'kill' ? 'early-answer' : 'early-answer-postgres',
    does: 'answers before the append is durable',
    audit,
    caughtBy: ['LOST'],
    changes: [
      {
        file: 'server/ingest/ingest.js',
        piece: 'const verdicts = await tools.log.append(record);',
        by: `const verdicts = record.events.map((_, i) => ({ kind: 'stored', position: i + 1 }));
    setTimeout(() => tools.log.append(record).catch(() => {}), 100);`,
      },
    ],
  },
  {
    name: audit === 'kill' ? 'early-cursor' : 'early-cursor-postgres',
    does: 'saves the cursor before the destination has answered',
    audit,
    caughtBy: ['LOST'],
    changes: [
      {
        file: 'server/deliver/deliver.js',
        piece: 'const endings = await send(options, loop, window, signal);',
        by: `loop.ledger.delivered(window.wanted);
        await save(options, advanceOf(options, loop, window), loop, undefined);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const endings = await send(options, loop, window, signal);`,
      },
    ],
  },
]);

/** Those that trust a cache with what must be on the disk. */
export const unsynced: readonly Saboteur[] = [
  {
    name: 'no-sync',
    does: 'opens LMDB without sync',
    audit: 'power',
    // What has arrived before the cut is gone from the books alone.
    caughtBy: ['LOST', 'BALANCE'],
    changes: [
      {
        file: 'adapters/logs/lmdb/open.js',
        piece: 'overlappingSync: false,',
        by: 'overlappingSync: false, noSync: true,',
      },
    ],
  },
  {
    name: 'no-sync-postgres',
    does: 'commits with synchronous_commit=off',
    audit: 'crash of PostgreSQL',
    // What has arrived before the cut is gone from the books alone.
    caughtBy: ['LOST', 'BALANCE'],
    changes: [
      {
        file: 'adapters/logs/postgres/database.js',
        piece: "set default_transaction_isolation = 'read committed'`",
        by: "set default_transaction_isolation = 'read committed'; set synchronous_commit = off`",
      },
      {
        file: 'adapters/logs/postgres/open.js',
        piece: "if (row?.fsync !== 'on' || row.commit === 'off')",
        by: "if (row?.fsync !== 'on')",
      },
    ],
  },
];
