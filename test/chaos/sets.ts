/** One line of a set: a scenario, how it is played, and what the table says of it. */
export interface Act {
  /** Its file in this folder, without `.ts`. */
  readonly scenario: string;
  /** What it does, in the table's words. */
  readonly about: string;
  /** Its arguments, beside the seed. */
  readonly with?: string;
  /** Its figures mean something only while nothing else runs. */
  readonly alone?: boolean;
  /** The findings whose counts the table shows. Absent: all that are not 0, and of what there must be none the worst in any case. */
  readonly shows?: readonly string[];
}

/** Faults of the disk of a database: its power fails, or it dies. */
const BROKEN = 'power-ext4,power-xfs,dead-ext4,dead-xfs';
const DATABASE = ['KILLS', 'CUTS', 'DEAD', 'FAILOVERS', 'ACKED', 'LOST', 'CROSSED', 'ORDER', 'BACK'];

/** What the table shows of the scenario with the many destinations. */
const DESTINATIONS: readonly string[] = 'MET ACTION ASKED CANARY LOST ORDER DUPLICATE MEMORY ALONE BESIDE'.split(' ');

const DAMAGE = ['MET', 'HARM', 'LOOP', 'READY', 'SILENT', 'KEPT', 'LOST'];
const FULL = ['LOOP', 'RESTARTS', 'UNTIL', 'BACK', 'DELIVERED', 'ACKED', 'LOST'];

/** Some minutes: what every change must pass. The longest come first, so that nothing is left over at the end. */
export const short: readonly Act[] = [
  {
    scenario: 'saboteurs',
    about: 'gateways that lose, drop, cross or miscount: each must be found out',
    with: '--at-once 3',
  },
  { scenario: 'kill', about: 'no fault at all: nothing arrives twice', with: '--kills 0 --seconds 8' },
  {
    scenario: 'kill',
    about: 'kill -9 at random moments',
    with: '--kills 25 --seconds 40 --rate 2000 --ready-seconds 30',
  },
  {
    scenario: 'kill',
    about: 'the same on PostgreSQL',
    with: '--log postgres --kills 25 --seconds 50 --rate 1000 --ready-seconds 30',
  },
  {
    scenario: 'mixed',
    about: '3 shops, 6 pipelines, filters, repeats, invalid events, kills; then the receipt of every id',
    with: '--events 5000 --kills 1',
  },
  { scenario: 'upgrade', about: 'a log that an earlier release wrote, and the kill of that' },
  { scenario: 'upgrade', about: 'the same on PostgreSQL, with both releases side by side', with: '--log postgres' },
  { scenario: 'poison', about: 'one event that a destination never takes' },
  {
    scenario: 'secrets',
    about: 'marked secrets in every place where one can stand, then a search of all that came out',
  },
  { scenario: 'hostile', about: 'inputs written by hand to do harm, each with its answer' },
  { scenario: 'fuzz', about: 'requests changed at random, 64 at once', with: '--requests 20000' },
  {
    scenario: 'apart',
    about: '50 shops: tokens, names and ids mixed up',
    with: '--requests 100000',
  },
  { scenario: 'power', about: 'power cuts on ext4 and xfs: what was not synced is gone', with: '--cuts 6' },
  { scenario: 'dying', about: 'the disk dies under a live gateway: all of it, or its syncs alone', with: '--times 5' },
  {
    scenario: 'full',
    about: 'the disk is full before the first start, then slowly, and to the last byte, under load',
    shows: FULL,
  },
  {
    scenario: 'damage',
    about: 'starts on logs damaged in 14 ways',
    with: '--ready-seconds 30',
    shows: DAMAGE,
  },
  {
    scenario: 'owners',
    about: 'several processes want one folder, beside an owner and after its kill -9',
    with: '--times 1 --ready-seconds 30',
  },
  {
    scenario: 'stop',
    about: '20 times SIGTERM under load, while a destination takes 10 s',
    with: '--times 20 --at-once 10',
  },
  {
    scenario: 'shutout',
    about: 'one client that wants to shut out all others: dust, bombs, pipelines, unfinished bodies',
    // Without these mends it was 150 ms to 1.8 s; machines that have more to do wait longer even alone.
    with: '--only unfinished,chunk-dust,bombs,pipelines --seconds 3 --spare-ms 400',
    alone: true,
  },
  {
    scenario: 'recovery',
    about: 'kill -9 with 100,000 events behind: ready, first 2xx, first delivery',
    with: '--events 100000 --kills 2',
    alone: true,
  },
  { scenario: 'reload', about: 'new configurations under load, and files that are none' },
  {
    scenario: 'overload',
    about: 'thousands of clients that want three and ten times what it can carry: what is worth least is refused first',
    // The long set wants 90 %: loads this short swing by more than what is missing then.
    with: '--times 3,10 --seconds 16 --peak-seconds 4 --goodput 85',
    alone: true,
  },
];

/** An hour and more. */
export const long: readonly Act[] = [
  {
    scenario: 'kill',
    about: 'kill -9 at random moments',
    with: '--kills 300 --rounds 10 --seconds 850 --batch 80 --rate 20000 --least-acked 5000000',
  },
  {
    scenario: 'kill',
    about: 'the same on PostgreSQL',
    with: '--log postgres --kills 300 --rounds 6 --seconds 960 --batch 80 --rate 15000 --least-acked 5000000 --quiet-seconds 300 --ready-seconds 10',
  },
  {
    scenario: 'kill',
    about: 'the same where two processes take events for one that keeps them',
    with: '--kills 50 --rounds 2 --seconds 200 --rate 4000 --web-concurrency 2 --ready-seconds 20',
  },
  {
    scenario: 'kill',
    about: 'kill -9 once a minute: how much comes again',
    with: '--kills 6 --minutes 6 --rate 2000 --most-repeated 0.05',
    alone: true,
  },
  {
    scenario: 'mixed',
    about: '3 shops, 6 pipelines, filters, repeats, invalid events, kills; then the receipt of every id',
    with: '--events 100000 --kills 3',
  },
  { scenario: 'mixed', about: 'the same on PostgreSQL', with: '--log postgres --events 50000 --kills 3' },
  {
    scenario: 'operators',
    about: 'operators who suspend, redrive, discard, replay, reload under kills, standstills and stops',
    with: '--seconds 300 --settle-seconds 180 --least-orders 400',
  },
  {
    scenario: 'operators',
    about: 'the same on PostgreSQL',
    with: '--log postgres --seconds 300 --settle-seconds 180 --least-orders 300',
  },
  {
    scenario: 'upgrade',
    about: 'a log of two million events that an earlier release wrote, and the kill of that',
    with: '--events 2000000 --settle-seconds 900',
  },
  {
    scenario: 'upgrade',
    about: 'the same on PostgreSQL, with both releases side by side',
    with: '--log postgres --events 2000000 --settle-seconds 1800',
  },
  {
    scenario: 'shutout',
    about: 'one client that wants to shut out all others, with the public token of its own shop',
    with: '--seconds 20',
    alone: true,
  },
  { scenario: 'poison', about: 'one event that a destination never takes' },
  { scenario: 'poison', about: 'the same on PostgreSQL', with: '--log postgres' },
  { scenario: 'outage', about: 'a destination is gone for ten minutes', with: '--minutes 10' },
  {
    scenario: 'cluster',
    about: '4 processes on one PostgreSQL: kills, standstills, a deployment',
    with: '--events 200000',
  },
  {
    scenario: 'secrets',
    about: 'marked secrets in every place where one can stand, then a search of all that came out',
  },
  { scenario: 'hostile', about: 'inputs written by hand to do harm, each with its answer' },
  { scenario: 'fuzz', about: 'requests changed at random, 64 at once', with: '--requests 2000000' },
  { scenario: 'fuzz', about: 'the same on PostgreSQL', with: '--log postgres --requests 100000' },
  {
    scenario: 'apart',
    about: '50 shops: tokens, names and ids mixed up',
    with: '--requests 5000000',
  },
  { scenario: 'apart', about: 'the same on PostgreSQL', with: '--log postgres --requests 200000' },
  {
    scenario: 'database',
    about: 'kill -9 of PostgreSQL with all its processes',
    with: '--fault kill --times 50',
    shows: DATABASE,
  },
  {
    scenario: 'database',
    about: 'the power of the machine of PostgreSQL fails, and its disk dies, on ext4 and xfs',
    with: `--at-once 2 --fault ${BROKEN}`,
    shows: DATABASE,
  },
  {
    scenario: 'database',
    about: 'the synchronous standby of PostgreSQL takes over, and gets a standby of its own',
    with: '--fault failover --times 20',
    shows: DATABASE,
  },
  {
    scenario: 'database',
    about:
      'PostgreSQL is frozen, full, cut off, restarted, out of connections; its commits hang or deadlock; workers die or stand still; a newer gateway migrates it',
    with: '--at-once 2 --fault pause,freeze,takeover,restart,cut,disk,hang,limit,deadlock,versions,liar',
    shows: DATABASE,
  },
  {
    scenario: 'stop',
    about: '200 times SIGTERM under load, while a destination takes 10 s',
    with: '--times 200 --at-once 10',
  },
  { scenario: 'stop', about: 'the same on PostgreSQL, 20 times', with: '--log postgres --times 20 --at-once 5' },
  {
    scenario: 'recovery',
    about: 'kill -9 with a million events behind: ready, first 2xx, first delivery',
    with: '--events 1000000 --ready-seconds 5 --first-seconds 10',
    alone: true,
  },
  {
    scenario: 'recovery',
    about: 'the same on PostgreSQL',
    with: '--log postgres --events 1000000 --ready-seconds 5 --first-seconds 10',
    alone: true,
  },
  {
    scenario: 'clock',
    about: 'the clock is set by an hour and by 30 days, forward and back',
    with: '--step-seconds 75',
  },
  { scenario: 'clock', about: 'the same on PostgreSQL', with: '--log postgres --step-seconds 75' },
  {
    scenario: 'pause',
    about: 'standstills of up to a minute: SIGSTOP, and a blocked event loop',
    with: '--halts stop:1,stop:10,stop:60,block:0.2,block:1,block:5,block:20',
  },
  {
    scenario: 'pause',
    about: 'the same on PostgreSQL, with another process beside it',
    with: '--log postgres --halts stop:1,stop:10,stop:60,block:0.2,block:1,block:5,block:20',
  },
  { scenario: 'combined', about: 'two or three faults at a time, drawn by the seed', with: '--minutes 10' },
  { scenario: 'combined', about: 'the same on PostgreSQL', with: '--log postgres --minutes 10' },
  {
    scenario: 'power',
    about: 'power cuts on ext4 and xfs: what was not synced is gone',
    with: '--cuts 60 --rounds 6 --least-acked 200000',
  },
  {
    scenario: 'dying',
    about: 'the disk dies under a live gateway: all of it, or its syncs alone',
    with: '--times 30 --rounds 6 --least-acked 20000',
  },
  { scenario: 'slow-disk', about: 'every sync takes 300 ms', with: '--part slow --seconds-each 30', alone: true },
  { scenario: 'slow-disk', about: 'syncs hang for 30 s', with: '--part hung' },
  {
    scenario: 'full',
    about: 'the disk is full before the first start, then three times slowly, and to the last byte, under load',
    with: '--rounds 3',
    shows: FULL,
  },
  {
    scenario: 'damage',
    about: 'starts on logs damaged in 14 ways: what chance decides 100 times, the rest 10 times',
    with: '--seeds 100 --at-once 2',
    shows: DAMAGE,
  },
  {
    scenario: 'owners',
    about: 'several processes want one folder, beside an owner and after its kill -9',
    with: '--times 20',
  },
  { scenario: 'syscalls', about: 'kill -9 as a system call begins', with: '--kills 60' },
  {
    scenario: 'destinations',
    about: '65 ways to be a bad destination, all at once, beside healthy ones; then all are well',
    with: '--minutes 10 --alone-seconds 60 --rate 20',
    shows: DESTINATIONS,
  },
  {
    scenario: 'destinations',
    about: 'the same on PostgreSQL',
    with: '--log postgres --minutes 3 --alone-seconds 30 --rate 40',
    shows: DESTINATIONS,
  },
  { scenario: 'reload', about: 'new configurations under load, and files that are none', with: '--times 10' },
  { scenario: 'reload', about: 'the same on PostgreSQL', with: '--log postgres --times 10' },
  { scenario: 'saboteurs', about: 'gateways that lose, drop, cross or miscount: each must be found out' },
  {
    scenario: 'points',
    about: 'the gateway kills itself at named points of its code',
    with: '--rounds 20',
    alone: true,
  },
  {
    scenario: 'points',
    about: 'the same on PostgreSQL',
    with: '--log postgres --rounds 20',
    alone: true,
  },
  {
    scenario: 'overload',
    about: 'thousands of clients that want three times what it can carry: what is worth least is refused first',
    with: '--times 3 --seconds 60 --peak-seconds 10',
    alone: true,
  },
  {
    scenario: 'overload',
    about: '4,000 clients that want ten times what it can carry, in 512 MB, without a destination',
    with: '--times 10 --seconds 60 --peak-seconds 10 --connections 4000 --memory-mb 512 --goodput 80',
    alone: true,
  },
  {
    scenario: 'limits',
    about:
      '256 files, a quarter of a core, 512 MB and then less until the kernel kills it, 1,000 slow clients, 2,000 clients at the start',
    with: '--seconds 60',
    alone: true,
  },
  {
    scenario: 'names',
    about: 'a name server that is silent, fails, or leads inward, beside a name that is well',
    with: '--seconds 120',
  },
];
