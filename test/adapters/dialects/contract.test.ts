import * as assert from 'uvu/assert';
import type { Dialect } from '../../../adapters/dialects/dialect.ts';
import { dialects, view } from '../../../adapters/dialects/index.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { context, contextOf, fixturesOf, type Given, promises } from '../../contracts/dialect.ts';
import { describe } from '../../support/describe.ts';

/** What the fixtures of a dialect say of their token holds for all of them. */
function given(dialect: Dialect): Given {
  const fixtures = fixturesOf(dialect.name);
  return { dialect, context: context(fixtures[0]?.events[0]?.trust ?? 'public'), fixtures };
}

for (const dialect of dialects) {
  describe(`the dialect ${dialect.name}`, ({ it }) => {
    for (const [promise, check] of Object.entries(promises)) it(promise, () => check(given(dialect)));
  });
}

/** Dialects that break a promise, made of the real ones, and words of the promise that must notice. */
const saboteurs: Readonly<Record<string, { notices: string; sabotage: (dialect: Dialect) => Partial<Dialect> }>> = {
  'maps a field wrongly': {
    notices: 'maps each fixture',
    sabotage: (dialect) => ({
      view: (...of) => dialect.view(...of).map((event) => ({ ...event, session_id: 'x' })),
    }),
  },
  'forgets the token': { notices: 'finds the token', sabotage: () => ({ credentials: () => ({}) }) },
  'gives the events from the first on, whichever were asked for': {
    notices: 'one event per index',
    sabotage: (dialect) => ({
      view: (body, indexes, context) =>
        dialect.view(
          body,
          indexes.map((_, at) => at),
          context,
        ),
    }),
  },
  'stumbles over a byte order mark': {
    notices: 'byte order mark',
    sabotage: (dialect) => ({ read: (body, rules) => dialect.read(JSON.stringify(JSON.parse(body)), rules) }),
  },
  'announces ids as they came, and gives them mended': {
    notices: 'with the ids it announced',
    sabotage: (dialect) => ({
      read: (body, rules) => {
        const { events, refused } = dialect.read(body, rules);
        const sent = JSON.parse(body).events;
        return { events: events.map(({ index, id }) => ({ index, id: sent[index].event_id || id })), refused };
      },
    }),
  },
  'throws something else for what it should refuse': {
    notices: 'accepts any text or refuses it',
    sabotage: (dialect) => ({
      read: (body, rules) => (body.length > 5 ? dialect.read(body, rules) : JSON.parse(body)),
    }),
  },
  'keeps a refused event in its own words': {
    notices: 'the text itself',
    sabotage: (dialect) => ({
      read: (body, rules) => {
        const { events, refused } = dialect.read(body, rules);
        return { events, refused: refused.map((refusal) => ({ ...refusal, raw: `${refusal.raw} ` })) };
      },
    }),
  },
  'loses refused events': {
    notices: 'counts every event',
    sabotage: (dialect) => ({ read: (...of) => ({ ...dialect.read(...of), refused: [] }) }),
  },
  'answers with plain text': {
    notices: 'answers every refusal',
    sabotage: () => ({ refused: ({ status }) => ({ status, body: 'no' }) }),
  },
};

describe('the contract of dialects', ({ it }) => {
  for (const [fault, { notices, sabotage }] of Object.entries(saboteurs)) {
    it(`notices a dialect that ${fault}`, () => {
      const checks = Object.entries(promises).filter(([promise]) => promise.includes(notices));
      assert.is(checks.length, 1);
      assert.ok(checks.every(([, check]) => fails(() => check(given({ ...layers, ...sabotage(layers) })))));
    });
  }
});

const fails = (check: () => void): boolean => {
  try {
    check();
    return false;
  } catch {
    return true;
  }
};

describe('the dialects together', ({ it }) => {
  it('make the events of a stored body by the name of its dialect', () => {
    for (const dialect of dialects) {
      const fixture = fixturesOf(dialect.name)[0]!;
      const indexes = fixture.events.map((_, index) => index);
      const body = JSON.stringify(fixture.request.body);
      assert.equal(view(dialect.name, body, indexes, contextOf(given(dialect), fixture)), fixture.events);
    }
  });

  it('say which they are where a stored body speaks another', () => {
    const known = dialects.map(({ name }) => name).join(', ');
    assert.throws(
      () => view('segment', '{}', [0], context('public')),
      new RegExp(`a stored body speaks the dialect "segment", and this version knows ${known}$`),
    );
  });
});
