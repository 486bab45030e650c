import { after, before, during, type Point } from './point.ts';

const ingest = 'server/ingest/ingest.js';
const deliver = 'server/deliver/deliver.js';
const log = 'adapters/logs/lmdb/log.js';
const commits = 'adapters/logs/lmdb/group-commit.js';
const lmdb = 'adapters/logs/lmdb/open.js';
const restoration = 'adapters/logs/lmdb/restoration.js';
const cursors = 'adapters/logs/lmdb/cursors.js';
const postgres = 'adapters/logs/postgres/open.js';
const postgresLog = 'adapters/logs/postgres/log.js';
const postgresTrim = 'adapters/logs/postgres/trim.js';

const load = { stage: 'load' } as const;
const boot = { stage: 'load', seldom: true } as const;
const trim = { stage: 'trim', seldom: true } as const;
const damaged = { stage: 'restore', seldom: true } as const;
const letters = { stage: 'operator', seldom: true, only: 'dead?.length > 0' } as const;
const redrive = { stage: 'operator', seldom: true, needs: 'redrive' } as const;
const replay = { stage: 'operator', seldom: true, needs: 'replay' } as const;

const saving = 'await cursor.save({ progress: next, journal, dead });';
const saveReplay =
  'const replay = await store.state.replays.add({ shop, pipeline, after, to, types, startedAt: clock.now() });';
const mark = 'const count = some.length > 0 ? await whenAvailable(tools, () => act(id, some)) : 0;';
const redriven = 'await this.#save(wanted);';
const append = 'const verdicts = await tools.log.append(record);';
const attempt = 'const result = await attempt(options, lane, sent, attempts, signal);';

/** Those that every gateway passes, whatever its log. Of one stage in this order. */
const everywhere: readonly Point[] = [
  before('claimed', 'server/deliver/pipelines.js', 'const options = this.#options(id, pipeline, cursor);', boot),
  before('parsed', ingest, 'const { events, refused } = reading;', load),
  before('before-append', ingest, append, load),
  before('before-answer', ingest, 'const result = resultOf(reading, verdicts);', load),
  after('answered', 'server/http/event-endpoint.js', 'response.end(body);', load),
  before('before-send', 'server/deliver/send.js', attempt, load),
  after('sent', 'server/deliver/send.js', attempt, load),
  before('before-save', deliver, saving, load),
  during('saving', deliver, saving, load),
  after('saved', deliver, saving, load),
  before('burying', deliver, saving, letters),
  before('marking', 'server/operate/dead-letters.js', mark, redrive),
  after('marked', 'server/operate/dead-letters.js', mark, redrive),
  before('redriven', 'server/deliver/redrive.js', redriven, redrive),
  during('saving-redriven', 'server/deliver/redrive.js', redriven, redrive),
  before('replay-ordered', 'server/operate/replays.js', saveReplay, replay),
  after('replay-saved', 'server/operate/replays.js', saveReplay, replay),
  before('replaying', 'server/deliver/send.js', attempt, { ...replay, only: "options.pipeline.includes('-r')" }),
  before(
    'replay-over',
    'server/operate/replay-runner.js',
    'const changed = await store.state.replays.change(replay.id, done);',
    replay,
  ),
];

const embedded: readonly Point[] = [
  before('probing', lmdb, 'const damage = await damageOf(folder, mark);', boot),
  before('opening', lmdb, 'const store = await openIn(folder, options, lock.release);', boot),
  after('opened', lmdb, 'const store = await openIn(folder, options, lock.release);', boot),
  before('between-puts', commits, 'state.putTally(shop.name, shop.tally);', load),
  during('writing', commits, 'if (!(await written))', load),
  before('committed', commits, 'this.#committing = this.#committing.filter((other) => other !== group);', load),
  after('within-save', cursors, 'void this.#cursors.put([shop, pipeline], progress);', load),
  after('within-burying', 'adapters/logs/lmdb/letters.js', 'write();', { ...letters, only: 'letters.length > 0' }),
  before('removing', 'adapters/logs/lmdb/pages.js', 'void this.#pages.remove([shop, first]);', trim),
  before('removed', log, 'await this.#parts.keepMark();', trim),
  during('marking-reached', 'adapters/logs/lmdb/mark.js', 'const fresh =', trim),
  before('noting', restoration, 'note(folder, restoration);', damaged),
  before('setting-aside', restoration, 'move(folder, aside);', damaged),
  after('set-aside', restoration, 'move(folder, aside);', damaged),
  before('restoring', lmdb, 'records.push(record);', { stage: 'restore' }),
  before('restored', lmdb, 'onDamage({ reason, aside, events, ...(unreadable > 0 && { unreadable }) });', damaged),
];

const inDatabase: readonly Point[] = [
  before('migrated', postgres, 'await findRoom(home,', boot),
  before('counted-in', postgres, 'const tell = teller(home.ask);', boot),
  during('committing', postgresLog, 'const [row] = await call().catch(', load),
  before('committed', postgresLog, 'this.#tools.onNewest(commit.newest);', load),
  before('dropping', postgresTrim, 'await this.#trimSize();', trim),
  after('trimmed', postgresTrim, 'await sweepState(this.#ask, () => this.#stopped);', trim),
];

export const pointsOf = (kind: string): readonly Point[] => [
  ...(kind === 'lmdb' ? embedded : inDatabase),
  ...everywhere,
];
