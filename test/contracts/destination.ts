import { existsSync, readdirSync } from 'node:fs';
import Value from 'typebox/value';
import * as assert from 'uvu/assert';
import type { Batch, Destination, Sender, Tools } from '../../adapters/destinations/destination.ts';
import type { Outcome } from '../../adapters/outcome.ts';
import type { Event } from '../../schemas/event.ts';
import { inText, sampleBatch, testTools } from '../support/batch.ts';
import { describe } from '../support/describe.ts';
import { until } from '../support/until.ts';

/** Where a destination delivers to, seen from the outside. A fresh one for every promise. */
export interface Outside {
  /** Settings that lead there, as an operator would write them. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Every event that has arrived, in order of arrival, repetitions included. */
  arrived(): readonly Event[] | Promise<readonly Event[]>;
  /** From now on nothing can be delivered, in a way that may pass. */
  fail(): void | Promise<void>;
  mend(): void | Promise<void>;
  /** From now on it takes a batch and never answers; resolves when one has come. Leave it out where nobody answers. */
  hang?(): Promise<unknown>;
  close(): void | Promise<void>;
}

export interface Subject {
  readonly destination: Destination;
  open(): Promise<Outside>;
  /** Settings with a mistake that `check` must find, and what it must say of it. */
  readonly mistakes?: readonly { readonly settings: Readonly<Record<string, unknown>>; readonly tells: RegExp }[];
}

interface DestinationPromise {
  readonly name: string;
  readonly keep: (subject: Subject) => Promise<void>;
}

/** Runs every promise against a destination. `skip`: names of promises, each with the reason why it cannot be kept. */
export function destinationContract(
  subject: Subject,
  { skip = {} }: { skip?: Readonly<Record<string, string>> } = {},
): void {
  const unknown = Object.keys(skip).filter((name) => !destinationPromises.some((promise) => promise.name === name));
  if (unknown.length > 0) throw new Error(`no such promise to skip: ${unknown.join(', ')}`);
  describe(`destination ${subject.destination.type} keeps the contract`, ({ it, skip: pass }) => {
    for (const { name, keep } of destinationPromises) {
      const reason = skip[name];
      if (reason === undefined) it(name, () => keep(subject));
      else pass(name, reason);
    }
  });
}

/** Settings with their defaults, as a running gateway has them. */
export const settled = (destination: Destination, settings: object): Record<string, unknown> =>
  Value.Default(destination.settings, structuredClone(settings)) as Record<string, unknown>;

/** Every promise a destination makes; exported so that planted faults can prove that each of them bites. */
export const destinationPromises: readonly DestinationPromise[] = [
  {
    name: 'describes every setting, and has a default for it or requires it',
    async keep({ destination }) {
      assert.match(destination.type, /^[a-z][a-z0-9-]*$/);
      assert.ok(destination.description.length > 10, 'a destination has a sentence of description');
      for (const [name, setting] of Object.entries(propertiesOf(destination))) {
        assert.ok((setting.description ?? '').length > 10, `${name} has no description`);
        const required = (destination.settings.required ?? []).includes(name);
        const optional = '~optional' in setting;
        assert.ok(required || optional || 'default' in setting, `${name} has no default and is not required`);
      }
    },
  },
  {
    name: 'marks secrets as sensitive',
    async keep({ destination }) {
      for (const [name, setting] of Object.entries(propertiesOf(destination)))
        if (/secret|password|token|key|headers|credential/i.test(name))
          assert.is(setting.sensitive, true, `${name} is not marked as sensitive`);
    },
  },
  {
    name: 'accepts good settings, and says what is wrong with mistaken ones',
    keep: (subject) =>
      outside(subject, async ({ settings }) => {
        const { destination } = subject;
        const good = settled(destination, settings);
        assert.ok(Value.Check(destination.settings, good), 'good settings do not fit the schema');
        assert.equal(destination.check?.(good) ?? [], []);
        for (const mistake of subject.mistakes ?? []) {
          const said = (destination.check?.(settled(destination, mistake.settings)) ?? []).join('\n');
          assert.match(said, mistake.tells);
        }
      }),
  },
  {
    name: 'has delivered what it calls delivered: whole, in order, one outcome per event',
    keep: (subject) =>
      connected(subject, async ({ sender, arrived }) => {
        const batch = sampleBatch(7);
        assertAll('delivered', await sender.send(batch, never()), batch);
        // At once, without waiting: later would be too late if the process died now.
        assert.equal(await arrived(), asSent(batch));
      }),
  },
  {
    name: 'takes a batch of one, and one as large as it says',
    keep: (subject) =>
      connected(subject, async ({ sender, arrived, chosen }) => {
        const most = subject.destination.maxBatch(chosen);
        assert.ok(Number.isInteger(most) && most >= 1, `maxBatch gives ${most}`);
        const batches = [sampleBatch(1), sampleBatch(most, 2)];
        for (const batch of batches) assertAll('delivered', await sender.send(batch, never()), batch);
        assert.equal(await arrived(), batches.flatMap(asSent));
      }),
  },
  {
    name: 'leaves events as they are',
    keep: (subject) =>
      connected(subject, async ({ sender }) => {
        const batch = frozen(sampleBatch(3));
        assertAll('delivered', await sender.send(batch, never()), batch);
        assert.equal(batch, sampleBatch(3));
      }),
  },
  {
    name: 'takes the same batch again, since a crash repeats what was in flight',
    keep: (subject) =>
      connected(subject, async ({ sender, arrived }) => {
        const batch = sampleBatch(3);
        for (let time = 0; time < 2; time += 1) assertAll('delivered', await sender.send(batch, never()), batch);
        const ids = new Set((await arrived()).map((event) => event.event_id));
        assert.is(ids.size, 3);
      }),
  },
  {
    name: 'asks to try again while nothing can be delivered, says why, and delivers once it can',
    keep: (subject) =>
      connected(subject, async ({ sender, arrived, fail, mend }) => {
        const batch = sampleBatch(5);
        await fail();
        const outcomes = await sender.send(batch, never()).catch(() => batch.events.map(() => thrown));
        assertAll('retry', outcomes, batch);
        for (const outcome of outcomes) assert.ok('reason' in outcome && outcome.reason.length > 3, 'no reason given');
        await mend();
        assertAll('delivered', await sender.send(batch, never()), batch);
        assert.equal(
          await arrived(),
          asSent(batch),
          'something of the failed attempt is there, or something is missing',
        );
      }),
  },
  {
    name: 'settles soon when it is told to stop, and does not call that delivered',
    keep: (subject) =>
      connected(subject, async ({ sender, hang }) => {
        const batch = sampleBatch(2);
        const stop = new AbortController();
        const come = hang?.();
        if (!come) stop.abort();
        const sent = sender.send(batch, stop.signal).catch(() => batch.events.map(() => thrown));
        await come;
        stop.abort();
        assertAll('retry', await within(1_000, sent), batch);
      }),
  },
  {
    name: 'begins nothing after it was told to stop',
    keep: (subject) =>
      connected(subject, async ({ sender, arrived }) => {
        const batch = sampleBatch(2);
        const outcomes = sender.send(batch, AbortSignal.abort()).catch(() => batch.events.map(() => thrown));
        assertAll('retry', await within(1_000, outcomes), batch);
        assert.equal(await arrived(), []);
      }),
  },
  {
    name: 'keeps its secrets out of reasons and logs',
    keep: (subject) =>
      connected(subject, async ({ sender, fail, chosen, tools }) => {
        await fail();
        const outcomes = await sender
          .send(sampleBatch(1), never())
          .catch((error) => [{ ...thrown, reason: inText(error) }]);
        const told = inText(outcomes) + tools.lines.join('\n');
        for (const secret of secretsOf(subject.destination, chosen))
          assert.not(told.includes(secret), 'a secret is in a reason or in the log');
      }),
  },
  {
    name: 'lets go of files and sockets when it is closed',
    keep: (subject) =>
      outside(subject, async (there) => {
        const before = openFiles();
        const sender = connect(subject, there.settings, testTools());
        const batch = sampleBatch(4);
        assertAll('delivered', await sender.send(batch, never()), batch);
        await within(2_000, Promise.resolve(sender.close?.()));
        assert.equal(await there.arrived(), asSent(batch));
        await until(() => openFiles() <= before, 2_000);
      }),
  },
];

interface Connected extends Outside {
  readonly sender: Sender;
  readonly chosen: Record<string, unknown>;
  readonly tools: ReturnType<typeof testTools>;
}

const thrown: Outcome = { kind: 'retry', reason: 'it threw' };

async function outside(subject: Subject, use: (there: Outside) => Promise<void>): Promise<void> {
  const there = await subject.open();
  try {
    await use(there);
  } finally {
    await there.close();
  }
}

const connected = (subject: Subject, use: (all: Connected) => Promise<void>): Promise<void> =>
  outside(subject, async (there) => {
    const tools = testTools();
    const sender = connect(subject, there.settings, tools);
    try {
      await use({ ...there, sender, tools, chosen: settled(subject.destination, there.settings) });
    } finally {
      await sender.close?.();
    }
  });

const connect = ({ destination }: Subject, settings: object, tools: Tools): Sender =>
  destination.connect(settled(destination, settings), tools);

function assertAll(kind: Outcome['kind'], outcomes: readonly Outcome[], { events }: Batch): void {
  assert.is(outcomes.length, events.length, 'not one outcome per event');
  const other = outcomes.find((outcome) => outcome.kind !== kind);
  assert.is(other, undefined, `expected ${kind}, came ${inText(other)}`);
}

const never = (): AbortSignal => new AbortController().signal;

// What JSON makes of a batch: the shape in which it can arrive anywhere.
const asSent = ({ events }: Batch): Event[] => JSON.parse(JSON.stringify(events.map(({ event }) => event)));

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

async function within<T>(ms: number, result: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Setting {
  readonly description?: string;
  readonly sensitive?: boolean;
}
const propertiesOf = (destination: Destination): Record<string, Setting> =>
  destination.settings.properties as Record<string, Setting>;

function secretsOf(destination: Destination, chosen: Record<string, unknown>): string[] {
  const sensitive = Object.entries(propertiesOf(destination)).filter(([, setting]) => setting.sensitive);
  const values = sensitive.map(([name]) => chosen[name]).filter((value) => value !== undefined);
  return values.flatMap((value) => (typeof value === 'string' ? [value] : Object.values(value as object))).map(String);
}

// Where the system cannot tell, nothing is proved here; it can on Linux.
const openFiles = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
