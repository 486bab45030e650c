import * as assert from 'uvu/assert';
import type { OwnerCalls, UserCalls } from '../../../../adapters/logs/ipc/calls.ts';
import { connectStore } from '../../../../adapters/logs/ipc/client.ts';
import { IpcConnection } from '../../../../adapters/logs/ipc/connection.ts';
import { serveStore } from '../../../../adapters/logs/ipc/server.ts';
import { openLmdb } from '../../../../adapters/logs/lmdb/open.ts';
import { type LogRecord, LogUnavailable } from '../../../../adapters/logs/log.ts';
import { openMemory } from '../../../../adapters/logs/memory/open.ts';
import type { Store } from '../../../../adapters/logs/store.ts';
import { type LogHarness, logChecks, never, record, SHOP, storeOptions } from '../../../contracts/log.ts';
import { quarantineChecks } from '../../../contracts/quarantine.ts';
import { replayChecks } from '../../../contracts/replays.ts';
import { describe } from '../../../support/describe.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { openRelay } from '../../../support/relay.ts';
import { until } from '../../../support/until.ts';

const relay = openRelay();
const connections = () => {
  const { ends, ...pair } = relay.pair();
  return {
    user: new IpcConnection<OwnerCalls, UserCalls>(ends[0]),
    owner: new IpcConnection<UserCalls, OwnerCalls>(ends[1]),
    ...pair,
  };
};

/**
 * A store as another process uses it, on the far side of a real process boundary. Two things are asked of the owner itself, because that is
 * where a gateway does them: moving pipelines (claim) and trimming.
 */
async function shared(store: Store): Promise<Store> {
  const { user, owner } = connections();
  serveStore(store, owner);
  const remote = await connectStore(user);
  return {
    log: { ...remote.log, failure: undefined, trim: (options) => store.log.trim(options) },
    state: {
      ...remote.state,
      cursors: { ...remote.state.cursors, claim: (id, signal) => store.state.cursors.claim(id, signal) },
    },
    close: async () => {
      await remote.close();
      await store.close();
    },
  };
}

describe('the memory log of another process', ({ it }) => {
  const harness: LogHarness = { durable: false, open: async (options) => shared(openMemory(options)) };
  for (const { promise, run } of [...logChecks, ...quarantineChecks, ...replayChecks]) it(promise, () => run(harness));
});

describe('the LMDB log of another process', ({ it, after }) => {
  const folders = [temporaryFolder()];
  after(() => folders.forEach((folder) => void folder.remove()));
  const harness: LogHarness = {
    durable: true,
    open: async (options, again = false) => {
      if (!again) folders.push(temporaryFolder());
      return shared(await openLmdb(folders.at(-1)!.path, options));
    },
  };
  for (const { promise, run } of [...logChecks, ...quarantineChecks, ...replayChecks]) it(promise, () => run(harness));
});

/** A store whose log behaves as told. */
const broken = (log: Partial<Store['log']>): Store => {
  const store = openMemory(storeOptions());
  const whole = new Proxy(store.log, {
    get: (target, key) => {
      const own = Object.getOwnPropertyDescriptor(log, key);
      const value: unknown = own ? (own.get ? own.get.call(log) : own.value) : Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { ...store, log: whole };
};

describe('the store of another process', ({ it, after }) => {
  after(() => relay.close());

  const opened = async (store: Store, onAppended?: Parameters<typeof serveStore>[2]) => {
    const { user, owner, ...pair } = connections();
    serveStore(store, owner, onAppended);
    return { ...(await connectStore(user)), ...pair };
  };
  const failureOf = (promise: Promise<unknown>): Promise<Error> =>
    promise.then(
      () => assert.unreachable('expected a failure'),
      (error: Error) => error,
    ) as Promise<Error>;

  it('sends what one turn appends in one message, and answers it in one', async () => {
    const { log, messages } = await opened(openMemory(storeOptions()));
    const before = messages();
    await Promise.all(Array.from({ length: 50 }, (_, n) => log.append(record([`e-${n}`]))));
    assert.is(messages() - before, 2);
  });

  it('brings records as they are, their bytes as bytes', async () => {
    let came: LogRecord | undefined;
    const { log } = await opened(openMemory(storeOptions()), (appended) => {
      came = appended;
    });
    const sent = {
      ...record(['a', 'b'], { refused: [{ index: 1, code: 'x', reasons: ['no'], raw: '{}', id: undefined }] }),
      released: [{ id: '1', code: 'invalid' }],
    };
    await log.append(sent);
    assert.ok(Buffer.isBuffer(came?.body));
    assert.equal(came, sent);
  });

  it('passes on that the log is unavailable as just that, and other errors as errors', async () => {
    const full = await opened(broken({ append: () => Promise.reject(new LogUnavailable('the disk cannot keep up')) }));
    const unavailable = await failureOf(full.log.append(record(['a'])));
    assert.instance(unavailable, LogUnavailable);
    assert.is(unavailable.message, 'the disk cannot keep up');
    const faulty = await opened(broken({ find: () => Promise.reject(new RangeError('a fault')) }));
    const fault = await failureOf(faulty.log.find(SHOP, 'a'));
    assert.not.instance(fault, LogUnavailable);
    assert.is(fault.message, 'a fault');
  });

  it('knows how durable the log is, that it fails, and that it is well again', async () => {
    let failure: Error | undefined = new Error('no space left');
    const { log } = await opened(
      broken({
        durability: 'replicated',
        get failure() {
          return failure;
        },
      }),
    );
    assert.is(log.durability, 'replicated');
    assert.is(log.failure?.message, 'no space left');
    failure = undefined;
    await until(() => log.failure === undefined);
    failure = new Error('gone again');
    await until(() => log.failure?.message === 'gone again');
  });

  it('is told nothing before it is opened, when nobody would hear it', async () => {
    const { user, owner } = connections();
    const { state, ...store } = openMemory(storeOptions());
    serveStore({ state, ...store }, owner);
    let told = 0;
    user.serve({
      replaySaved: () => {
        told += 1;
      },
    });
    const save = async () => {
      await state.replays.add({ shop: SHOP, pipeline: 'p', after: 0, to: 1, startedAt: 0 });
      await user.call('replays.all', []);
    };
    await save();
    assert.is(told, 0);
    await user.call('open', []);
    await save();
    await until(() => told === 1);
  });

  it('refuses what the owner cannot keep up with', async () => {
    const { log, cut } = await opened(broken({ append: () => new Promise(() => {}) }));
    const large = { ...record(['a']), body: Buffer.alloc(8 * 1024 * 1024) };
    const waiting = Array.from({ length: 5 }, () => log.append(large));
    assert.match((await failureOf(log.append(large))).message, /cannot keep up/);
    cut();
    for (const append of waiting) assert.instance(await failureOf(append), LogUnavailable);
  });

  it('is unavailable once its owner is gone, whatever was under way', async () => {
    const { log, cut } = await opened(broken({ append: () => new Promise(() => {}) }));
    const append = log.append(record(['a']));
    const read = log.read(SHOP, 0, 1, never);
    cut();
    for (const asked of [append, read, log.append(record(['b'])), log.tally(SHOP)])
      assert.instance(await failureOf(asked), LogUnavailable);
    assert.match(log.failure?.message ?? '', /gone/);
  });

  it('ends the waits of a process that is gone', async () => {
    let ended = false;
    const { log, cut } = await opened(
      broken({
        read: async (_shop, _after, _limit, signal) => {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
          ended = true;
          return [];
        },
      }),
    );
    void log.read(SHOP, 0, 1, never).catch(() => {});
    await until(() => log.tally(SHOP));
    cut();
    await until(() => ended);
  });

  it('moves no pipelines and trims nothing, and says who does', async () => {
    const { log, state } = await opened(openMemory(storeOptions()));
    const trim = log.trim({ before: new Date(), passed: () => 0, maxBytes: 1 });
    assert.match((await failureOf(trim)).message, /only the process that owns the log/);
    const claim = state.cursors.claim({ shop: SHOP, pipeline: 'p' }, never);
    assert.match((await failureOf(claim)).message, /only the process that owns the log/);
  });

  it('finishes what was appended before it closes', async () => {
    const { log, close } = await opened(openMemory(storeOptions()));
    const append = log.append(record(['a']));
    await close();
    assert.equal(await append, [{ kind: 'stored', position: 1 }]);
    assert.instance(await failureOf(log.append(record(['b']))), LogUnavailable);
  });
});
