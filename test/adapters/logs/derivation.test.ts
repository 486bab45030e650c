import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { derivedId } from '../../../adapters/dialects/ids.ts';
import { contents, view } from '../../../adapters/dialects/index.ts';
import { layers } from '../../../adapters/dialects/layers/layers.ts';
import { headOf, REUSED } from '../../../adapters/logs/head.ts';
import { Heads } from '../../../adapters/logs/heads.ts';
import { hasher } from '../../../adapters/logs/id-hash.ts';
import { salvage } from '../../../adapters/logs/lmdb/salvage.ts';
import type { LogRecord } from '../../../adapters/logs/log.ts';
import { openMemory } from '../../../adapters/logs/memory/open.ts';
import { Page } from '../../../adapters/logs/page.ts';
import { withOldIds } from '../../../adapters/logs/postgres/old-ids.ts';
import { encodePage, type RecordFormat } from '../../../adapters/logs/record.ts';
import { context, rules } from '../../contracts/dialect.ts';
import { never, storeOptions } from '../../contracts/log.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';

const LONG = '820982911946154508';
/** Without an id, with `undefined` for one, and with an id. */
const BODY = `{"events":[
  {"event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"s","query":"q","n":${LONG}},
  {"event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"s","query":"q","event_id":"undefined"},
  {"event_type":"search","timestamp":"2026-06-01T11:59:00Z","session_id":"s","query":"q","event_id":"e-1"}
]}`;
const SHOP = 'demo.myshopify.com';
const PARSED = JSON.parse(BODY).events as object[];

/** What the first version made of the body. */
const OLD = [derivedId(PARSED[0] ?? {}), 'undefined', 'e-1'];
const OLD_SOURCES = ['derived', 'client', 'client'];

const recordOf = (body = BODY): LogRecord => ({
  dialect: 'layers',
  context: context('public'),
  body: Buffer.from(body),
  ...layers.read(body, rules),
});

function pageOf(drafts: LogRecord['events'], format: RecordFormat, flags = 0): Page {
  const heads = drafts.map((draft) => headOf(draft, hasher('key'), flags));
  const { dialect, context: found, body } = recordOf();
  const places = drafts.map(({ index }) => index);
  const bytes = encodePage([{ dialect, context: found, body, heads: Heads.of(heads, places) }], format);
  const options = { ...storeOptions(), view, contents };
  return new Page({ shop: SHOP, first: 1, bytes, events: drafts.length }, options);
}

const told = (page: Page) => [...page.events(1, 9)].map(({ event: { event_id, id_source } }) => [event_id, id_source]);
const pairs = (ids: readonly string[], sources: readonly string[]) => ids.map((id, i) => [id, sources[i]]);

describe('events that were stored by the first version of the derivation', ({ it }) => {
  const drafts = [
    { index: 0, id: OLD[0] ?? '', derived: 1 },
    { index: 1, id: 'undefined' },
    { index: 2, id: 'e-1' },
  ];
  it('keep their ids', () => assert.equal(told(pageOf(drafts, 2)), pairs(OLD, OLD_SOURCES)));
  it('keep them in a page of format 1, which does not say how they were made', () =>
    assert.equal(told(pageOf(drafts, 1)), pairs(OLD, OLD_SOURCES)));
  it('keep the ids that were made of a reused one, whichever version told its content', () => {
    for (const derived of [undefined, 2]) {
      const reused = [{ index: 2, id: 'e-1~', ...(derived !== undefined && { derived }) }];
      const said = contents('layers', BODY, [2], derived ?? 1)[0];
      assert.equal(told(pageOf(reused, 2, REUSED)), [[`e-1~${said}`, 'reused']]);
    }
    const long = [0, 2].map((derived) => {
      const [first] = pageOf([{ index: 0, id: 'x', ...(derived > 0 && { derived }) }], 2, REUSED).events(1, 1);
      return first?.event.event_id.split('~')[1];
    });
    assert.equal(
      long,
      [1, 2].map((version) => contents('layers', BODY, [0], version)[0]),
    );
  });
});

describe('events that come today', ({ it }) => {
  const today = recordOf();

  it('are read back under the ids that they were stored under', async () => {
    const { log } = openMemory({ ...storeOptions(), view, contents });
    const again = recordOf(
      BODY.replace(LONG, '820982911946154509').replace('"q","event_id":"undefined"', '"p","event_id":"undefined"'),
    );
    await log.append(today);
    const kinds = (await log.append(again)).map(({ kind }) => kind);
    assert.equal(kinds, ['stored', 'stored', 'duplicate']);
    assert.equal(
      (await log.append(today)).map(({ kind }) => kind),
      ['duplicate', 'duplicate', 'duplicate'],
    );
    const stored = await log.read(SHOP, 0, 10, never);
    assert.equal(
      stored.map(({ event }) => event.event_id),
      [...today.events, ...again.events.slice(0, 2)].map(({ id }) => id),
    );
    for (const { event, position } of stored) assert.is((await log.find(SHOP, event.event_id))?.position, position);
  });

  it('have the ids of the first version where a process reads that knows no other, and are told apart where that takes them for one', () => {
    const old = withOldIds(today, view);
    assert.equal(
      old.events.map(({ id, derived }) => [id, derived]),
      [
        [OLD[0], 1],
        [today.events[1]?.id, 2],
        ['e-1', undefined],
      ],
    );
    assert.equal(told(pageOf(old.events, 1)), pairs(OLD, OLD_SOURCES));
    assert.equal(withOldIds(old, view).events, old.events);
    const plain = { ...today, events: today.events.slice(2) };
    assert.is(withOldIds(plain, view), plain);
  });

  it('keep their ids where they are saved out of a damaged file', async () => {
    const folder = temporaryFolder();
    const [file, heads] = [
      join(folder.path, 'data.mdb'),
      (one: LogRecord) => one.events.map((draft) => headOf(draft, hasher('key'))),
    ];
    const { dialect, context: found, body, events } = today;
    const indexes = events.map(({ index }) => index);
    writeFileSync(
      file,
      Buffer.concat([
        Buffer.alloc(100, 7),
        encodePage([{ dialect, context: found, body, heads: Heads.of(heads(today), indexes) }]),
      ]),
    );
    const saved: LogRecord[] = [];
    for await (const one of salvage(file, view, () => {})) saved.push(one);
    folder.remove();
    assert.equal(
      saved.map((one) => one.events),
      [today.events],
    );
  });

  it('have the ids of the first version where nothing makes a difference', () => {
    const [bare] = layers.read(BODY.replace(LONG, '7'), rules).events;
    assert.is(bare?.id, derivedId({ ...PARSED[0], n: 7 }));
  });
});
