import type { Saboteur } from './saboteur.ts';

/** Those that let go of events when there are too many. */
export const droppers: readonly Saboteur[] = [
  {
    name: 'overflow',
    does: 'answers 2xx and stores nothing while much waits for the disk',
    audit: 'kill',
    caughtBy: ['LOST'],
    changes: [
      {
        file: 'adapters/logs/lmdb/log.js',
        piece: 'append(record, onJoined = () => { }) {',
        by: `append(record, onJoined = () => { }) {
        if (this.#commits.waitingBytes > 16_384)
            return Promise.resolve(record.events.map(() => ({ kind: 'stored', position: 1 })));`,
      },
    ],
  },
  {
    name: 'impatient',
    does: 'skips events of a destination that lags',
    audit: 'kill',
    caughtBy: ['LOST'],
    changes: [
      {
        file: 'server/deliver/deliver.js',
        piece: 'window ??= await nextWindow(options, loop);',
        by: `const { newest } = await options.log.extent(options.id.shop);
        const { position, delivered } = cursor.progress;
        if (newest - position > 50) {
            await cursor.save({ progress: { ...cursor.progress, position: newest, delivered: delivered + newest - position } });
            window = undefined;
        }
        window ??= await nextWindow(options, loop);`,
      },
    ],
  },
];

/** Those whose clients are let down, or whose destinations. */
export const nuisances: readonly Saboteur[] = [
  {
    name: 'failing',
    does: 'answers 500 to one request in so many',
    audit: 'kill',
    caughtBy: ['ANSWERS'],
    changes: [
      {
        file: 'server/ingest/ingest.js',
        piece: 'const verdicts = await tools.log.append(record);',
        by: `globalThis.taken = (globalThis.taken ?? 0) + 1;
    if (globalThis.taken % 10 === 0) throw new RequestRefused(500, 'one in so many');
    const verdicts = await tools.log.append(record);`,
      },
    ],
  },
  {
    name: 'mute',
    does: 'says 503 and not when to come again',
    audit: 'crash of PostgreSQL',
    caughtBy: ['RETRY-AFTER'],
    changes: [
      {
        file: 'server/http/error-answers.js',
        piece: "headers['Retry-After'] = String(seconds);",
        by: ';',
      },
    ],
  },
  {
    name: 'repeater',
    does: 'sends again what was taken',
    audit: 'kill',
    caughtBy: ['UNEXPLAINED'],
    changes: [
      {
        file: 'server/deliver/send.js',
        piece: 'const result = await attempt(options, lane, sent, attempts, signal);',
        by: `await attempt(options, lane, sent, attempts, signal);
        const result = await attempt(options, lane, sent, attempts, signal);`,
      },
    ],
  },
];

/** Those that keep everything and mix it up. */
export const muddlers: readonly Saboteur[] = [
  {
    name: 'mixed-shops',
    does: "stores one request in so many under another shop's name",
    audit: 'kill',
    caughtBy: ['CROSSED'],
    changes: [
      {
        file: 'server/ingest/ingest.js',
        piece: 'const record = { dialect: dialect.name, context, body, events, refused };',
        by: `globalThis.taken = (globalThis.taken ?? 0) + 1;
    const other = tools.shops().all.map(({ config }) => config.shop).find((name) => name !== context.shop);
    const crossed = globalThis.taken % 5 === 0 ? { ...context, shop: other } : context;
    const record = { dialect: dialect.name, context: crossed, body, events, refused };`,
      },
    ],
  },
  {
    name: 'disorder',
    does: 'sends the events of a batch in another order',
    audit: 'kill',
    caughtBy: ['ORDER'],
    changes: [
      {
        file: 'server/deliver/deliver.js',
        piece: 'shares[laneOf(one.event, shares.length)]?.push(one);',
        by: 'shares[laneOf(one.event, shares.length)]?.unshift(one);',
      },
    ],
  },
];

/** Those whose books are not true. */
export const bookkeepers: readonly Saboteur[] = [
  {
    name: 'one-for-all',
    does: "takes an event for a repeat of another shop's",
    audit: 'books',
    caughtBy: ['LOST'],
    changes: [
      {
        file: 'adapters/logs/lmdb/dedup.js',
        piece: 'const known = { ids: new IdTable(),',
        by: 'const known = { ids: (globalThis.ids ??= new IdTable()),',
      },
      {
        file: 'adapters/logs/lmdb/admission.js',
        piece: 'known.get(position) ?? shop.pending.at(position);',
        by: 'known.get(position) ?? shop.pending.at(position) ?? heads.at(i);',
      },
    ],
  },
  {
    name: 'forgetful',
    does: 'forgets known ids at a restart',
    audit: 'books',
    caughtBy: ['RENAMED'],
    changes: [
      {
        file: 'adapters/logs/lmdb/remember.js',
        piece: 'known.ids.add(block.high(position), block.low(position), position);',
        by: '',
      },
    ],
  },
  {
    name: 'miscount',
    does: 'counts a batch with a repeat as all new',
    audit: 'books',
    caughtBy: ['BALANCE'],
    changes: [
      {
        file: 'adapters/logs/tally.js',
        piece: 'duplicate: tally.duplicate + events.length - appended,',
        by: 'duplicate: tally.duplicate,',
      },
    ],
  },
  {
    name: 'silent-refusal',
    does: 'counts invalid events and forgets them',
    audit: 'books',
    caughtBy: ['QUARANTINE'],
    changes: [{ file: 'adapters/logs/lmdb/group-commit.js', piece: 'state.quarantine.put(record);', by: '' }],
  },
];
