import { closeSync, openSync } from 'node:fs';
import Type from 'typebox';
import * as assert from 'uvu/assert';
import type { Batch, Destination } from '../../../adapters/destinations/destination.ts';
import type { Outcome } from '../../../adapters/outcome.ts';
import type { Event } from '../../../schemas/event.ts';
import { destinationPromises, type Outside, type Subject } from '../../contracts/destination.ts';
import { describe } from '../../support/describe.ts';

/** A place in memory; `faults` changes one thing about the destination that delivers there. */
interface Place {
  events: Event[];
  state: 'working' | 'failing' | 'hanging';
  comes: () => void;
}

type Send = (batch: Batch, signal: AbortSignal, place: Place) => Promise<Outcome[]>;

const settings = Type.Object({
  place: Type.String({ description: 'Which place in memory it is.' }),
  apiKey: Type.String({ sensitive: true, description: 'What opens the place.' }),
});

const all = ({ events }: Batch, outcome: Outcome): Outcome[] => events.map(() => outcome);
const stopped: Outcome = { kind: 'retry', reason: 'stopped' };
const store = (place: Place, { events }: Batch) =>
  void place.events.push(...structuredClone(JSON.parse(JSON.stringify(events.map(({ event }) => event)))));

const faultless: Send = async (batch, signal, place) => {
  if (signal.aborted) return all(batch, stopped);
  if (place.state === 'failing') return all(batch, { kind: 'retry', reason: 'the place is closed' });
  if (place.state === 'hanging') {
    place.comes();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return all(batch, stopped);
  }
  store(place, batch);
  return all(batch, { kind: 'delivered' });
};

function subjectWith(send: Send, change: Partial<Destination> = {}): Subject {
  const places = new Map<string, Place>();
  const destination: Destination = {
    type: 'memory',
    description: 'Keeps events in memory.',
    settings,
    maxBatch: () => 10,
    check: ({ place }: { place?: string }) => (place === 'nowhere' ? ['place: must be a place, got nowhere'] : []),
    connect: ({ place }: { place?: string }) => ({
      send: (batch, signal) => send(batch, signal, places.get(String(place))!),
    }),
    ...change,
  };
  const open = async (): Promise<Outside> => {
    const place: Place = { events: [], state: 'working', comes: () => undefined };
    places.set('here', place);
    return {
      settings: { place: 'here', apiKey: 'a-very-secret-key' },
      arrived: () => place.events,
      fail: () => void Object.assign(place, { state: 'failing' }),
      mend: () => void Object.assign(place, { state: 'working' }),
      hang: () => new Promise<void>((comes) => Object.assign(place, { state: 'hanging', comes })),
      close: () => undefined,
    };
  };
  const mistakes = [{ settings: { place: 'nowhere', apiKey: 'k' }, tells: /must be a place/ }];
  return { destination, open, mistakes };
}

const left: number[] = [];

const broken = (send: Send): Subject => subjectWith(send);
const undescribed = Type.Object({ ...settings.properties, more: Type.String({ default: '' }) });

const faults: readonly { fault: string; subject: Subject; caughtBy: RegExp }[] = [
  {
    fault: 'a setting without description',
    subject: subjectWith(faultless, { settings: undescribed }),
    caughtBy: /describes every setting/,
  },
  {
    fault: 'a key that is not marked as sensitive',
    subject: subjectWith(faultless, {
      settings: Type.Object({
        place: settings.properties.place,
        apiKey: Type.String({ description: 'What opens it.' }),
      }),
    }),
    caughtBy: /marks secrets/,
  },
  {
    fault: 'a check that finds nothing',
    subject: subjectWith(faultless, { check: () => [] }),
    caughtBy: /accepts good settings/,
  },
  {
    fault: 'a check that finds fault with everything',
    subject: subjectWith(faultless, { check: () => ['must be a place, got another'] }),
    caughtBy: /accepts good settings/,
  },
  {
    fault: 'saying delivered before it is',
    subject: broken(async (batch, signal, place) => {
      if (place.state !== 'working' || signal.aborted) return faultless(batch, signal, place);
      setImmediate(() => store(place, batch));
      return all(batch, { kind: 'delivered' });
    }),
    caughtBy: /has delivered what it calls/,
  },
  {
    fault: 'losing the last event',
    subject: broken(async (batch, signal, place) => {
      await faultless({ ...batch, events: batch.events.slice(0, -1) }, signal, place);
      return all(batch, { kind: 'delivered' });
    }),
    caughtBy: /has delivered what it calls/,
  },
  {
    fault: 'turning the order round',
    subject: broken((batch, signal, place) =>
      faultless({ ...batch, events: batch.events.toReversed() }, signal, place),
    ),
    caughtBy: /has delivered what it calls/,
  },
  {
    fault: 'one outcome for the whole batch',
    subject: broken(async (batch, signal, place) => (await faultless(batch, signal, place)).slice(0, 1)),
    caughtBy: /has delivered what it calls/,
  },
  {
    fault: 'mangling what is not ASCII',
    subject: broken((batch, signal, place) =>
      faultless(JSON.parse(JSON.stringify(batch).replace(/[^ -~]/g, '?')), signal, place),
    ),
    caughtBy: /has delivered what it calls/,
  },
  {
    fault: 'choking on a full batch',
    subject: broken(async (batch, signal, place) =>
      batch.events.length > 9 ? all(batch, { kind: 'retry', reason: 'too many' }) : faultless(batch, signal, place),
    ),
    caughtBy: /takes a batch of one/,
  },
  {
    fault: 'writing on the events',
    subject: broken((batch, signal, place) => {
      for (const { event } of batch.events) Object.assign(event, { sent: true });
      return faultless(batch, signal, place);
    }),
    caughtBy: /leaves events as they are/,
  },
  {
    fault: 'refusing a repetition',
    subject: broken(async (batch, signal, place) =>
      place.events.length > 0
        ? all(batch, { kind: 'rejected', reason: 'seen before' })
        : faultless(batch, signal, place),
    ),
    caughtBy: /takes the same batch again/,
  },
  {
    fault: 'saying delivered when nothing can be',
    subject: broken(async (batch, signal, place) =>
      place.state === 'failing' ? all(batch, { kind: 'delivered' }) : faultless(batch, signal, place),
    ),
    caughtBy: /asks to try again/,
  },
  {
    fault: 'burying events because nothing can be delivered now',
    subject: broken(async (batch, signal, place) =>
      place.state === 'failing' ? all(batch, { kind: 'rejected', reason: 'closed' }) : faultless(batch, signal, place),
    ),
    caughtBy: /asks to try again/,
  },
  {
    fault: 'leaving half a batch behind',
    subject: broken(async (batch, signal, place) => {
      if (place.state === 'failing') store(place, { ...batch, events: batch.events.slice(0, 2) });
      return faultless(batch, signal, place);
    }),
    caughtBy: /asks to try again/,
  },
  {
    fault: 'not hearing the signal',
    subject: broken(async (batch, _signal, place) => faultless(batch, new AbortController().signal, place)),
    caughtBy: /settles soon/,
  },
  {
    fault: 'sending after it was stopped',
    subject: broken(async (batch, signal, place) => {
      store(place, batch);
      return signal.aborted ? all(batch, stopped) : all(batch, { kind: 'delivered' });
    }),
    caughtBy: /begins nothing/,
  },
  {
    fault: 'telling its key in a reason',
    subject: broken(async (batch, signal, place) =>
      place.state === 'failing'
        ? all(batch, { kind: 'retry', reason: 'a-very-secret-key was not accepted' })
        : faultless(batch, signal, place),
    ),
    caughtBy: /keeps its secrets/,
  },
  {
    fault: 'a close that never ends',
    subject: subjectWith(faultless, {
      connect: () => ({
        send: async (batch) => all(batch, { kind: 'delivered' }),
        close: () => new Promise(() => undefined),
      }),
    }),
    caughtBy: /lets go/,
  },
  {
    fault: 'keeping a file open',
    subject: broken(async (batch, signal, place) => {
      left.push(openSync(import.meta.filename, 'r'));
      return faultless(batch, signal, place);
    }),
    caughtBy: /lets go/,
  },
];

describe('the contract of destinations', ({ it, after }) => {
  after(() => {
    for (const file of left) closeSync(file);
  });

  it('is kept by a destination without fault', async () => {
    for (const { keep } of destinationPromises) await keep(subjectWith(faultless));
  });

  for (const { fault, subject, caughtBy } of faults) {
    it(`catches ${fault}`, async () => {
      const promise = destinationPromises.find(({ name }) => caughtBy.test(name))!;
      const broke = await promise.keep(subject).then(
        () => false,
        () => true,
      );
      assert.ok(broke, `"${promise.name}" did not notice`);
    });
  }

  it('has a planted fault for each of its promises', () => {
    const unproved = destinationPromises.filter(({ name }) => !faults.some(({ caughtBy }) => caughtBy.test(name)));
    assert.equal(unproved, []);
  });
});
