import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { appendFile, type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gunzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import type { Destination, Sender } from '../../../../adapters/destinations/destination.ts';
import type { Disk } from '../../../../adapters/destinations/file/archive.ts';
import { connectFile, file } from '../../../../adapters/destinations/file/file.ts';
import type { Outcome } from '../../../../adapters/outcome.ts';
import type { Event } from '../../../../schemas/event.ts';
import { destinationContract, settled } from '../../../contracts/destination.ts';
import { sampleBatch, testTools } from '../../../support/batch.ts';
import { compiled } from '../../../support/built.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';

type Settings = Parameters<typeof connectFile>[0];
const never = () => new AbortController().signal;
const send = (sender: Sender, size: number, first = 1): Promise<Outcome[]> =>
  sender.send(sampleBatch(size, first), never());

for (const gzip of [false, true])
  destinationContract({
    destination: named(gzip ? 'file-gzip' : 'file', file),
    async open() {
      const folder = temporaryFolder();
      const directory = join(folder.path, 'archive');
      return {
        settings: { directory, gzip },
        arrived: () => eventsIn(directory),
        fail: () => writeFileSync(directory, 'a file where the directory should be'),
        mend: () => rmSync(directory),
        close: folder.remove,
      };
    },
  });

// Two forms of one destination would be hard to tell apart in a report of failures.
function named(type: string, destination: Destination): Destination {
  return { ...destination, type };
}

describe('file', ({ it, beforeEach, afterEach }) => {
  let folder: ReturnType<typeof temporaryFolder>;
  let directory: string;
  beforeEach(() => {
    folder = temporaryFolder();
    directory = join(folder.path, 'archive');
  });
  afterEach(() => folder.remove());

  const connect = (more: Partial<Settings> = {}, disk?: Disk, tools = testTools()): Sender =>
    connectFile(settled(file, { directory, ...more }) as unknown as Settings, tools, disk);
  const names = (): string[] => filesIn(directory).map((path) => path.slice(directory.length + 1));

  it('shows events to cat data/archive/*/* as soon as they are delivered, one per line', async () => {
    const sender = connect();
    assert.equal(await send(sender, 2), [delivered, delivered]);
    assert.match(names().join(), /^demo\.myshopify\.com\/archive\.\d{8}T\d{6}Z\.000000000001\.current\.ndjson$/);
    const seen = spawnSync('sh', ['-c', `cat ${directory}/*/*`], { encoding: 'utf8' }).stdout;
    const lines = sampleBatch(2).events.map(({ event }) => `${JSON.stringify(event)}\n`);
    assert.is(seen, lines.join(''));
    await sender.close?.();
  });

  it('drops .current from the name when it is closed', async () => {
    const sender = connect();
    await send(sender, 2);
    await send(sender, 2, 3);
    await sender.close?.();
    assert.match(names().join(), /^demo\.myshopify\.com\/archive\.\d{8}T\d{6}Z\.000000000001\.ndjson$/);
    assert.is(eventsIn(directory).length, 4);
  });

  it('begins a new file before one grows past maxBytes', async () => {
    const one = Buffer.byteLength(`${JSON.stringify(sampleBatch(1).events[0]!.event)}\n`);
    const sender = connect({ maxBytes: one * 2 + 50 });
    for (let position = 1; position <= 5; position += 1) await send(sender, 1, position);
    await send(sender, 10, 6);
    await send(sender, 1, 16);
    assert.equal(
      names().map((name) => name.replace(/^.*Z\./, '')),
      [
        '000000000001.ndjson',
        '000000000003.ndjson',
        '000000000005.ndjson',
        '000000000006.ndjson',
        '000000000016.current.ndjson',
      ],
    );
    await sender.close?.();
    assert.equal(idsIn(directory), ids(16));
  });

  it('completes a file that has grown old, although nothing more comes', async () => {
    const sender = connect({ maxAgeSeconds: 1 });
    await send(sender, 1);
    assert.match(names().join(), /current/);
    await until(() => /\.ndjson$/.test(names().join()) && !/current/.test(names().join()));
    await send(sender, 1, 2);
    assert.is(names().length, 2);
    await sender.close?.();
  });

  it('does not keep the process alive', () => {
    const script = `
      import { connectFile } from ${JSON.stringify(here('adapters/destinations/file/file.ts'))};
      import { sampleBatch, testTools } from ${JSON.stringify(here('test/support/batch.ts'))};
      const sender = connectFile({ directory: ${JSON.stringify(directory)}, maxBytes: 1e6, maxAgeSeconds: 300, gzip: false }, testTools());
      await sender.send(sampleBatch(1), new AbortController().signal);
      process.exitCode = 7;`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 15_000,
    });
    assert.is(run.status, 7, String(run.stderr));
  });

  it('keeps shops and pipelines apart, and stays in its directory whatever they are called', async () => {
    const sender = connect();
    const homes = [
      ['a.myshopify.com', 'archive'],
      ['a.myshopify.com', 'archive2'],
      ['b.myshopify.com', 'archive'],
      ['..', '../../outside'],
      ['a/../..', '.'],
      ['a', 'x.current.ndjson'],
    ];
    for (const [shop = '', pipeline = ''] of homes)
      assert.is((await sender.send({ ...sampleBatch(1), shop, pipeline }, never()))[0]!.kind, 'delivered');
    await sender.close?.();
    assert.is(names().length, homes.length);
    assert.is(new Set(names()).size, homes.length);
    assert.equal(readdirSync(folder.path), ['archive']);
  });

  it('overwrites nothing when a replay begins at the same position in the same second', async () => {
    const tools = { ...testTools(), now: () => Date.UTC(2026, 2, 1) };
    for (let time = 0; time < 3; time += 1) {
      const sender = connect({}, undefined, tools);
      await send(sender, 1);
      await sender.close?.();
    }
    assert.equal(
      names()
        .map((name) => name.replace(/^.*archive\./, ''))
        .sort(),
      [
        '20260301T000000Z.000000000001-2.ndjson',
        '20260301T000000Z.000000000001-3.ndjson',
        '20260301T000000Z.000000000001.ndjson',
      ],
    );
  });

  it('begins a new file when someone removes the growing one', async () => {
    const sender = connect();
    await send(sender, 1);
    for (const path of filesIn(directory)) rmSync(path);
    assert.is((await send(sender, 1, 2))[0]!.kind, 'delivered');
    assert.equal(idsIn(directory), ['event-2']);
    rmSync(directory, { recursive: true });
    assert.is((await send(sender, 1, 3))[0]!.kind, 'retry');
    assert.is((await send(sender, 1, 3))[0]!.kind, 'delivered');
    assert.equal(idsIn(directory), ['event-3']);
    await sender.close?.();
  });

  it('calls nothing delivered before the disk has it', async () => {
    const calls: string[] = [];
    let sync = () => {};
    const disk = diskWith({
      async datasync(handle) {
        calls.push('sync');
        await new Promise<void>((resolve) => {
          sync = resolve;
        });
        await handle.datasync();
      },
    });
    const sender = connect({}, disk);
    const sent = send(sender, 1).then(() => calls.push('delivered'));
    await until(() => calls.length > 0);
    assert.is(statSync(filesIn(directory)[0]!).size > 0, true);
    assert.equal(calls, ['sync']);
    sync();
    await sent;
    assert.equal(calls, ['sync', 'delivered']);
    await sender.close?.();
  });

  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  it('takes back half a batch when the disk is full, says so, and goes on when there is room', async () => {
    let room = true;
    const disk = diskWith({
      async appendFile(handle, bytes) {
        await handle.appendFile(room ? bytes : bytes.subarray(0, bytes.length / 2));
        if (!room) throw full;
      },
    });
    const sender = connect({}, disk);
    await send(sender, 2);
    room = false;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const [outcome] = await send(sender, 10, 3);
      assert.equal(outcome, {
        kind: 'retry',
        reason: `${directory}: the disk is full (ENOSPC); free some space or set another directory`,
      });
      assert.equal(idsIn(directory), ids(2));
      assert.is(names().length, 1, 'failed attempts leave files behind');
    }
    room = true;
    assert.is((await send(sender, 10, 3))[0]!.kind, 'delivered');
    await sender.close?.();
    assert.equal(idsIn(directory), ids(12));
  });

  it('does not trust a file after a failed sync', async () => {
    let failing = true;
    const disk = diskWith({
      async datasync(handle) {
        if (failing) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        await handle.datasync();
      },
    });
    const tools = testTools();
    const sender = connect({}, disk, tools);
    const [outcome] = await send(sender, 2);
    assert.match('reason' in outcome! ? outcome.reason : '', /cannot be written: EIO/);
    failing = false;
    assert.is((await send(sender, 2))[0]!.kind, 'delivered');
    await sender.close?.();
    assert.equal(idsIn(directory), ids(2));
    assert.match(tools.lines.join(), /not completed yet/);
  });

  it('says what to do where it may not write', async () => {
    const denied = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' });
    const sender = connect({}, { open: () => Promise.reject(denied) });
    const [outcome] = await send(sender, 1);
    assert.match(
      'reason' in outcome! ? outcome.reason : '',
      /may not be written \(EACCES\); let the gateway's user write/,
    );
  });

  it('leaves no part of a batch that the system itself cut short', () => {
    const script = `
      import { connectFile } from ${JSON.stringify(here('adapters/destinations/file/file.ts'))};
      import { sampleBatch, testTools } from ${JSON.stringify(here('test/support/batch.ts'))};
      const sender = connectFile({ directory: ${JSON.stringify(directory)}, maxBytes: 1e9, maxAgeSeconds: 300, gzip: false }, testTools());
      for (const [size, first] of [[5, 1], [1000, 6], [3, 6]])
        console.log((await sender.send(sampleBatch(size, first), new AbortController().signal))[0].kind);
      await sender.close();`;
    writeFileSync(join(folder.path, 'limited.mjs'), script);
    // No file may grow past 100 blocks of 512 bytes or 1 KB, by the shell's count; 1,000 events are larger than both.
    const run = spawnSync(
      'sh',
      ['-c', `ulimit -f 100; exec "$0" "$1"`, process.execPath, join(folder.path, 'limited.mjs')],
      {
        encoding: 'utf8',
      },
    );
    assert.is(run.stdout, 'delivered\nretry\ndelivered\n', run.stderr);
    assert.equal(idsIn(directory), [...ids(5), ...ids(3, 6)]);
  });

  for (const gzip of [false, true]) {
    const kind = gzip ? 'gzip' : 'plain';

    it(`cuts a torn end wherever it is torn, and nothing else (${kind})`, async () => {
      const whole = await grown(connect({ gzip }), directory);
      const suffix = gzip ? '.current.ndjson.gz' : '.current.ndjson';
      const home = join(folder.path, 'torn', 'demo.myshopify.com');
      await mkdir(home, { recursive: true });
      const step = gzip ? 1 : 7;
      for (let size = whole.bounds[1]!; size < whole.bounds[2]!; size += step) {
        const path = join(home, `archive.20260301T000000Z.000000000001${suffix}`);
        writeFileSync(path, whole.bytes.subarray(0, size));
        const sender = connect({ directory: join(folder.path, 'torn'), gzip });
        assert.is((await send(sender, 1, 9))[0]!.kind, 'delivered');
        await sender.close?.();
        const kept = idsIn(join(folder.path, 'torn'));
        assert.equal(kept.slice(0, 4), ids(4), `cut at ${size}`);
        assert.is(kept.at(-1), 'event-9');
        if (gzip) assert.is(kept.length, 5, `cut at ${size}`);
        for (const left of filesIn(join(folder.path, 'torn'))) rmSync(left);
      }
    });

    it(`removes what has no whole line at all, and keeps what is not torn (${kind})`, async () => {
      const whole = await grown(connect({ gzip }), directory);
      const [path] = filesIn(directory);
      truncateSync(path!, 5);
      const sender = connect({ gzip });
      await send(sender, 1, 7);
      await sender.close?.();
      assert.equal(idsIn(directory), ['event-7']);
      writeFileSync(path!, whole.bytes);
      const again = connect({ gzip });
      await send(again, 1, 8);
      await again.close?.();
      assert.equal(idsIn(directory).sort(), [...ids(6), 'event-7', 'event-8']);
    });
  }

  for (const gzip of [false, true])
    it(`loses nothing delivered when it is killed again and again (${gzip ? 'gzip' : 'plain'})`, async () => {
      writeFileSync(join(folder.path, 'writer.mjs'), writer(directory, gzip));
      const told = new Set<string>();
      let next = 1;
      for (let round = 0; round < 4; round += 1) {
        const reached = await killedAfter(join(folder.path, 'writer.mjs'), next, 3 + round * 11, told);
        next = reached;
      }
      const sender = connect({ gzip });
      await send(sender, 1, next);
      await sender.close?.();
      assert.not.match(names().join(), /current/);
      const found = new Set(idsIn(directory));
      assert.ok(told.size > 200, `only ${told.size} delivered`);
      assert.equal(
        [...told].filter((id) => !found.has(id)),
        [],
      );
    });
});

const delivered: Outcome = { kind: 'delivered', status: 'on disk' };
const here = compiled;
const ids = (count: number, first = 1): string[] =>
  Array.from({ length: count }, (_, index) => `event-${first + index}`);

/** Every file below a directory, in the order of their names. */
function filesIn(directory: string): string[] {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** As any reader would: a torn line or member makes it throw. */
const eventsIn = (directory: string): Event[] =>
  filesIn(directory).flatMap((path) => {
    const bytes = readFileSync(path);
    const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    assert.ok(text.endsWith('\n'), `${path} does not end with a whole line`);
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Event);
  });
const idsIn = (directory: string): string[] => eventsIn(directory).map((event) => event.event_id);

type Appending = FileHandle & { appendFile(bytes: Buffer): Promise<void> };
interface Faults {
  datasync?: (handle: FileHandle) => Promise<void>;
  appendFile?: (handle: Appending, bytes: Buffer) => Promise<void>;
}

/** The real disk, with faults in the way of the growing file. */
const diskWith = ({ datasync, appendFile }: Faults): Disk => ({
  async open(path, flags, mode) {
    const handle = await open(path, flags, mode);
    return {
      stat: () => handle.stat(),
      truncate: (size: number) => handle.truncate(size),
      close: () => handle.close(),
      datasync: () => (datasync ? datasync(handle) : handle.datasync()),
      appendFile: (bytes: Buffer) => (appendFile ? appendFile(handle, bytes) : handle.appendFile(bytes)),
    } as unknown as FileHandle;
  },
});

/** The bytes of a file that grew by three batches of two events, and where each of them ended; the file stays as a crash leaves it. */
async function grown(sender: Sender, directory: string): Promise<{ bytes: Buffer; bounds: number[] }> {
  const bounds: number[] = [];
  for (const first of [1, 3, 5]) {
    await send(sender, 2, first);
    bounds.push(statSync(filesIn(directory)[0]!).size);
  }
  const [path] = filesIn(directory);
  const bytes = readFileSync(path!);
  await sender.close?.();
  for (const left of filesIn(directory)) rmSync(left);
  await appendFile(path!, bytes);
  return { bytes, bounds };
}

const writer = (directory: string, gzip: boolean): string => `
  import { connectFile } from ${JSON.stringify(here('adapters/destinations/file/file.ts'))};
  import { sampleBatch, testTools } from ${JSON.stringify(here('test/support/batch.ts'))};
  const settings = { directory: ${JSON.stringify(directory)}, maxBytes: 50_000, maxAgeSeconds: 300, gzip: ${gzip} };
  const sender = connectFile(settings, testTools());
  for (let first = Number(process.argv[2]); ; first += 5) {
    const outcomes = await sender.send(sampleBatch(5, first), new AbortController().signal);
    if (outcomes.every(({ kind }) => kind === 'delivered')) console.log(String(first));
  }`;

/** Runs the writer until it has told of this many batches, kills it, and gives the first position it did not tell of. */
async function killedAfter(script: string, first: number, batches: number, told: Set<string>): Promise<number> {
  const child = spawn(process.execPath, [script, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let next = first;
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    next = Number(line) + 5;
    for (const id of ids(5, Number(line))) told.add(id);
    count += 1;
    if (count === batches) child.kill('SIGKILL');
  }
  return next;
}
