import { hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { PipelineReceipt } from '../../../schemas/admin-api/receipts.ts';
import type { TailLine } from '../../../schemas/admin-api/tail.ts';
import type { PipelineStanding } from '../../../schemas/pipeline-state.ts';
import { BadOrder, Busy } from '../../../server/base/errors.ts';
import { dataOf } from '../../../server/cli/sse.ts';
import { ADMIN_TOKEN, type Admin, openAdmin } from '../../support/admin.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import {
  deadOf,
  eventOf,
  headViewOf,
  jobOf,
  orderOf,
  quarantinedOf,
  receiptOf,
  reportOf,
  SHOP,
} from '../../support/operations.ts';
import { type Run, runCli, type Surroundings } from '../../support/terminal.ts';

const FAILING: PipelineStanding = {
  state: 'failing',
  since: '2026-06-01T11:58:00.000Z',
  reason: 'HTTP 503',
  failing_since: '2026-06-01T11:58:00.000Z',
  failed_attempts: 4,
  next_attempt_at: '2026-06-01T12:00:30.500Z',
  last_success_at: '2026-06-01T11:57:59.000Z',
  pending: 9,
  lag_seconds: 150.4,
};
const UNMOVED: PipelineStanding = {
  state: 'unmoved',
  reason: 'no process moves it',
  failed_attempts: 0,
  pending: 2,
  lag_seconds: 90_061,
};

describe('headless-events over the admin API', ({ it, beforeEach, afterEach }) => {
  let admin: Admin;
  beforeEach(async () => {
    admin = await openAdmin();
  });
  afterEach(() => admin.close());

  const run = (args: string, surroundings: Surroundings = {}): Promise<Run> =>
    runCli(args.split(' '), {
      ...surroundings,
      env: { ADMIN_TOKEN, PORT: String(admin.port), ...surroundings.env },
    });
  const orders = () => admin.operations.asked.map(([name]) => name);

  it('finds the gateway by PORT and the token by ADMIN_TOKEN; flags win', async () => {
    const byEnvironment = await run('pipelines');
    assert.is(byEnvironment.exit, 0, byEnvironment.err);
    const byFlags = await run(`pipelines --url ${admin.url} --admin-token ${ADMIN_TOKEN}`, {
      env: { PORT: '9', ADMIN_TOKEN: 'wrong' },
    });
    assert.is(byFlags.exit, 0, byFlags.err);
  });

  it('says what to do when it cannot ask', async () => {
    const missing = await run('pipelines', { env: { ADMIN_TOKEN: '' } });
    assert.is(missing.exit, 2);
    assert.match(missing.err, 'set ADMIN_TOKEN');
    const nobody = await run('dead --url http://127.0.0.1:9');
    assert.is(nobody.exit, 1);
    assert.match(nobody.err, /No gateway answers at http:\/\/127\.0\.0\.1:9.*--url/);
    const wrong = await run('balance --admin-token nope');
    assert.is(wrong.exit, 1);
    assert.match(wrong.err, /refused this token\. Set ADMIN_TOKEN/);
    assert.not.match(wrong.err, 'nope');
    const strange = await run('balance --url ftp://x');
    assert.is(strange.exit, 2);
    assert.match(strange.err, /--url: must be an address such as .*, got ftp:\/\/x/);
    for (const command of ['balance', 'send']) {
      const confiding = await run(`${command} --url http://me:hush@127.0.0.1:9`);
      assert.is(confiding.exit, 2);
      assert.match(confiding.err, 'without user and password');
      assert.not.match(confiding.err, 'hush');
    }
  });

  it('tells an admin API that is off from something that does not exist', async () => {
    const off = await openAdmin({ token: undefined });
    const { exit, err } = await run(`pipelines resume ${SHOP} archive --url ${off.url}`);
    await off.close();
    assert.is(exit, 1);
    assert.match(err, /There is no admin API at .* Start the gateway with ADMIN_TOKEN/);
    const unknown = await run(`pipelines resume ${SHOP} nope`);
    assert.is(unknown.exit, 1);
    assert.is(unknown.err, `Not found: there is no pipeline nope in ${SHOP}.`);
  });

  it('takes no other server for a gateway, and does not carry the token elsewhere', async () => {
    const other = createServer((request, response) => {
      if (request.url === '/admin/balance') response.writeHead(302, { location: `${admin.url}/admin/balance` }).end();
      else response.end('<html>');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const moved = await run(`balance --url ${url}`);
    const page = await run(`pipelines --url ${url}`);
    other.close();
    assert.match(moved.err, /redirects to .*--url/);
    assert.match(page.err, /is no gateway/);
    assert.equal([moved.exit, page.exit], [1, 1]);
    assert.equal(admin.operations.asked, []);
  });

  it('lets no gateway lock stay a riddle', async () => {
    for (let i = 0; i < 10; i++) await run('balance --admin-token nope');
    const { exit, err } = await run('balance --admin-token nope');
    assert.is(exit, 1);
    assert.match(err, /Too many wrong tokens .* The right one always works.*--admin-token/);
  });

  it('lists pipelines in columns, numbers to the right, and as JSON', async () => {
    admin.operations.reports = [
      reportOf({ delivered: 1234567, filtered: { consent: 3, type: 12 } }),
      reportOf({ pipeline: 'ga4', ...FAILING }),
    ];
    const { out } = await run('pipelines');
    const lines = out.split('\n');
    assert.is(lines.length, 3);
    assert.match(lines[1]!, /^demo\.myshopify\.com {2}archive .* 1,234,567 .*consent 3, type 12/);
    assert.match(lines[2]!, /failing {2}2026-06-01 11:58:00 UTC {2}2 min 30 s .* 9 {2}2026-06-01 11:57:59 UTC /);
    assert.match(lines[2]!, /HTTP 503; 4 failed attempts; next try 2026-06-01 12:00:30 UTC$/);
    const ends = lines.map(
      (line, index) => line.lastIndexOf(['DELIVERED', '1,234,567', ' 9 '][index]!) + [9, 9, 2][index]!,
    );
    assert.is(new Set(ends).size, 1, `numbers end in one column: ${out}`);
    assert.equal(JSON.parse((await run('pipelines list --json')).out), { pipelines: admin.operations.reports });
  });

  it('says what to do for pipelines that wait for somebody', async () => {
    admin.operations.reports = [
      reportOf({ pipeline: 'hook', state: 'suspended', reason: 'HTTP 410' }),
      reportOf({ pipeline: 'old', state: 'orphaned' }),
    ];
    const { out } = await run('pipelines');
    assert.equal(out.split('\n').slice(3), [
      '',
      `hook is suspended. When its reason is gone: headless-events pipelines resume ${SHOP} hook`,
      `old is orphaned. Put it back, or: headless-events pipelines adopt ${SHOP} old --as <pipeline>, or: headless-events pipelines discard ${SHOP} old`,
    ]);
  });

  it('suspends and resumes', async () => {
    const suspended = await runCli(['pipelines', 'suspend', SHOP, 'archive', '--reason', 'new disk'], {
      env: { ADMIN_TOKEN, PORT: String(admin.port) },
    });
    assert.is(suspended.out, `archive of ${SHOP} is suspended: new disk`);
    const resumed = await run(`pipelines resume ${SHOP} archive --json`);
    assert.equal(JSON.parse(resumed.out), { ok: true });
    assert.equal(admin.operations.asked, [
      ['suspend', { shop: SHOP, pipeline: 'archive' }, 'new disk'],
      ['resume', { shop: SHOP, pipeline: 'archive' }],
    ]);
  });

  it('tells a receipt as a story', async () => {
    const at = '2026-06-01T12:00:05.000Z';
    const pipelines: PipelineReceipt[] = [
      { pipeline: 'archive', state: 'delivered', at, attempts: 2, status: 'HTTP 200' },
      { pipeline: 'ga4', state: 'pending', behind: 3, standing: FAILING },
      { pipeline: 'ads', state: 'filtered', reason: 'consent' },
      { pipeline: 'crm', state: 'dead', at, attempts: 5, reason: 'HTTP 400', redriving: true },
      { pipeline: 'mail', state: 'pending', behind: 1, standing: UNMOVED },
      { pipeline: 'bi', state: 'dropped', reason: 'retention' },
      { pipeline: 'new', state: 'before', starts_after: 50 },
    ];
    admin.operations.known = [receiptOf({ pipelines, id_source: 'derived', trust: 'server' })];
    const { exit, out } = await run('receipt e-1');
    assert.is(exit, 0);
    assert.equal(out.split('\n'), [
      `Event e-1 of ${SHOP}`,
      '  It came on 2026-06-01 12:00:00 UTC through layers as product_view and was stored at position 42.',
      '  Note: its id was derived from its content; a server sent it.',
      '  Added to it: country DE, channel web, device mobile, bot.',
      '  archive  delivered, on 2026-06-01 12:00:05 UTC, HTTP 200, at attempt 2',
      '  ga4      pending behind 3 events, the pipeline is failing since 2026-06-01 11:58:00 UTC, HTTP 503, 4 failed attempts, next try 2026-06-01 12:00:30 UTC, lag 2 min 30 s, last success 2026-06-01 11:57:59 UTC',
      '  ads      not wanted: consent',
      '  crm      dead letter since 2026-06-01 12:00:05 UTC after 5 attempts, HTTP 400, being tried again',
      '  mail     pending behind 1 event, the pipeline is unmoved, no process moves it, lag 1 d 1 h, no success yet',
      '  bi       gone without being delivered: retention',
      '  new      older than the pipeline, which begins after position 50; a replay sends it',
    ]);
  });

  it('tells of refused events why, and of unknown ones that nothing is known, with 1', async () => {
    admin.operations.known = [
      {
        event_id: 'e-1',
        shop: SHOP,
        state: 'quarantined',
        received_at: '2026-06-01T12:00:00Z',
        dialect: 'glood',
        reasons: ['name: bad'],
        quarantine_id: 'q7',
      },
    ];
    const refused = await run(`receipt e-1 --shop ${SHOP}`);
    assert.is(refused.exit, 0);
    assert.match(refused.out, /through glood and was refused; it is in quarantine as q7\.\n {2}Because name: bad$/);
    assert.equal(admin.operations.asked.at(-1), ['receipts', 'e-1', SHOP]);
    const unknown = await run('receipt e-2');
    assert.is(unknown.exit, 1);
    assert.match(unknown.out, 'Nothing is known of event e-2');
    assert.equal(JSON.parse((await run('receipt e-2 --json')).out), { receipts: [] });
  });

  it('lists dead letters and quarantined events, with the mark of the next page', async () => {
    admin.operations.letters = [deadOf(1), deadOf(2, { redrive: true }), deadOf(3)];
    const dead = await run(`dead --shop ${SHOP} --pipeline ga4 --event e --reason 400 --from 2026-06-01 --limit 2`);
    const aged = await run('dead --from 2h --to now');
    assert.is(aged.exit, 0);
    const times = { from: '2026-06-01T10:00:00.000Z', to: '2026-06-01T12:00:00.000Z' };
    assert.equal(admin.operations.asked.pop(), ['dead', times, { limit: 100 }]);
    const odd = await run('dead --from tomorrow');
    assert.is(odd.exit, 2);
    assert.match(odd.err, /^--from: must be a day such as .* 2h .*yesterday.*, got "tomorrow"$/);
    assert.is(dead.exit, 0, dead.err);
    assert.match(
      dead.out,
      /e-1 .*HTTP 400 no such property\n.*e-2 .*being tried again.*\n\nThere are more; add --after 2$/,
    );
    assert.equal(admin.operations.asked.at(-1), [
      'dead',
      { shop: SHOP, pipeline: 'ga4', event_id: 'e', reason: '400', from: '2026-06-01T00:00:00.000Z' },
      { limit: 2 },
    ]);
    assert.match((await run('dead list --after 2')).out, /e-3/);
    assert.is((await run('quarantine')).out, 'No quarantined events.');
    admin.operations.refused = [quarantinedOf('q1')];
    const quarantine = await run('quarantine list --code invalid --id q1 --json');
    assert.equal(JSON.parse(quarantine.out), { items: [headViewOf(quarantinedOf('q1'))] });
    assert.equal(admin.operations.asked.at(-1), ['quarantine', { code: 'invalid', id: 'q1' }, { limit: 100 }]);
    const wrong = await run('dead --limit 0');
    assert.is(wrong.exit, 2);
    assert.match(wrong.err, /limit: must be a whole number from 1 to 1000/);
  });

  it('shows one whole', async () => {
    assert.is((await run('dead show e-1')).exit, 1);
    admin.operations.letters = [deadOf(1)];
    const dead = await run('dead show e-1');
    assert.is(dead.exit, 0);
    assert.match(dead.out, /ga4 gave up on 2026-06-01 12:00:00 UTC after 5 attempts: HTTP 400/);
    assert.match(dead.out, '"event_id": "e-1"');
    assert.equal(admin.operations.asked.at(-1), ['dead', { event_id: 'e-1' }, { limit: 1000 }]);
    admin.operations.refused = [quarantinedOf('q1')];
    const refused = await run('quarantine show q1');
    assert.match(
      refused.out,
      /as number 1 of its request, with the id e-9.*\n.*Refused \(invalid\):\n {4}events\[0\]\.query/,
    );
    assert.match(refused.out, '{"event_type":"search"}');
    assert.equal(admin.operations.asked.at(-1), ['oneQuarantined', 'q1', undefined]);
    const unknown = await run(`quarantine show q2 --shop ${SHOP}`);
    assert.is(unknown.exit, 1);
    assert.is(unknown.err, 'Not found: there is no quarantined event q2.');
  });

  it('redrives what is selected; everything only with --all', async () => {
    const nothing = await run('dead redrive');
    assert.is(nothing.exit, 2);
    assert.match(nothing.err, /--shop, --pipeline, --event, --reason, --from, --to, or --all/);
    assert.equal(admin.operations.asked, []);
    admin.operations.letters = [deadOf(1)];
    assert.is((await run('dead redrive --all')).out, '1 dead letter handed to its pipeline again.');
    const quarantine = await run(`quarantine redrive --shop ${SHOP} --event e-9`);
    assert.is(quarantine.out, '2 accepted, 1 known already, 3 still refused and kept.');
    assert.equal(admin.operations.asked, [
      ['redriveDead', {}],
      ['redriveQuarantine', { shop: SHOP, event_id: 'e-9' }],
    ]);
  });

  it('follows an order that takes longer, and says how it ended', async () => {
    const looks = [10, 20, 30].map((looked) =>
      orderOf({ state: 'running', looked, counts: { accepted: looked, duplicate: 0, refused: 0 } }),
    );
    admin.operations.ordered = { state: 'running' };
    admin.operations.orders = [...looks, orderOf({ looked: 40, counts: { accepted: 38, duplicate: 1, refused: 1 } })];
    const long = await run('quarantine redrive --all', { isTty: true });
    assert.is(long.exit, 0);
    assert.is(long.out, '38 accepted, 1 known already, 1 still refused and kept.');
    assert.ok(long.progress.includes('20 accepted, 0 duplicate, 0 refused, 20 looked at'));
    for (const [state, words] of [
      ['interrupted', /Repeat the \w+ for the rest/],
      ['cancelled', /What it has done stays done/],
      ['failed', /It failed: the disk is full\. Repeat the \w+ for the rest/],
    ] as const) {
      admin.operations.orders = [orderOf({ state, counts: { discarded: 7 }, reason: 'the disk is full' })];
      const ended = await run('quarantine discard --all --yes');
      assert.is(ended.exit, 1, state);
      assert.match(ended.out, /^7 quarantined events discarded\./);
      assert.match(ended.out, words);
    }
    const left = new AbortController();
    admin.operations.orders = [orderOf({ state: 'running', counts: { redriven: 5 } })];
    const gone = await run('dead redrive --all', { interrupted: left.signal, onSleep: () => left.abort() });
    assert.is(gone.exit, 0, 'it goes on without anybody');
    assert.match(gone.out, /headless-events jobs status j1 --follow/);
  });

  it('lists orders, follows one and cancels it', async () => {
    assert.is((await run('jobs')).out, 'No jobs.');
    admin.operations.orders = [orderOf({ id: 'j7', shop: SHOP, counts: { accepted: 3 } })];
    assert.match((await run('jobs')).out, /j7 .*quarantine redrive .*demo.* done .*3 accepted/);
    assert.match((await run('jobs status j7')).out, /^Job j7 \(quarantine redrive\) is done: 3 accepted\.$/);
    assert.is((await run('jobs cancel j7')).out, 'Job j7 is being stopped.');
    assert.is((await run('jobs status j8')).exit, 1);
    admin.operations.failure = new Busy('a redrive must end first, which is running as j7');
    const busy = await run('quarantine redrive --all');
    assert.is(busy.exit, 1);
    assert.is(busy.err, 'Not now: a redrive must end first, which is running as j7.');
  });

  it('asks before it discards, and without anybody to ask wants --yes', async () => {
    admin.operations.letters = [deadOf(1), deadOf(2)];
    const refused = await run('dead discard --pipeline ga4', { answer: false });
    assert.is(refused.exit, 1);
    assert.equal(refused.questions, ['Discard the dead letters with pipeline ga4 for good?']);
    const nobody = await run('quarantine discard --all');
    assert.is(nobody.exit, 2);
    assert.match(nobody.err, 'add --yes');
    assert.equal(orders(), []);
    const agreed = await run('dead discard --all', { answer: true });
    assert.equal(agreed.questions, ['Discard ALL dead letters for good?']);
    assert.is(agreed.out, '2 dead letters discarded.');
    assert.is((await run('quarantine discard --id q1 --yes')).exit, 0);
    assert.equal(orders(), ['discardDead', 'discardQuarantine']);
  });

  it('exports all that is selected as NDJSON', async () => {
    admin.operations.letters = Array.from({ length: 2300 }, (_, index) => deadOf(index));
    const { exit, out } = await run('dead export --pipeline ga4');
    assert.is(exit, 0);
    const lines = out.split('\n').map((line) => JSON.parse(line));
    assert.equal(
      lines.map(({ position }) => position),
      admin.operations.letters.map(({ position }) => position),
    );
    assert.equal(admin.operations.asked, [['allDead', { pipeline: 'ga4' }]]);
  });

  it('says where an export is not complete', async () => {
    admin.operations.allDead = async function* () {
      yield deadOf(1);
      throw new Error('the disk is gone');
    };
    const { exit, err } = await run('dead export');
    assert.is(exit, 1);
    assert.match(err, /the export is not complete/);
  });

  it('exports into a file that only its owner can read', async () => {
    admin.operations.refused = [quarantinedOf('q1'), quarantinedOf('q2')];
    const folder = temporaryFolder();
    const file = join(folder.path, 'out.ndjson');
    const { out, err } = await run(`quarantine export --out ${file}`);
    const written = readFileSync(file, 'utf8');
    const mode = statSync(file).mode & 0o777;
    const missing = await run(`quarantine export --out ${join(folder.path, 'no', 'such')}`);
    folder.remove();
    assert.is(out, '');
    assert.match(err, /2 quarantined events written to /);
    assert.equal(
      written
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
      ['q1', 'q2'],
    );
    assert.is(mode, 0o600);
    assert.is(missing.exit, 2);
    assert.match(missing.err, /--out: must be a file that can be written, got ENOENT/);
  });

  const REPLAY = `replay --shop ${SHOP} --pipeline archive`;

  it('replays: shows the plan, asks, starts, and shows the progress until the end', async () => {
    const states = [
      { position: 50, delivered: 40, filtered: 10 },
      { position: 150, delivered: 99, dead: 1, filtered: 50 },
    ];
    const done = jobOf({ state: 'done', position: 200, delivered: 149, dead: 1, filtered: 50 });
    const waits: number[] = [];
    const { exit, out, questions, progress } = await run(`${REPLAY} --from 2026-06-01 --types product_*,search`, {
      isTty: true,
      columns: 100,
      answer: true,
      onSleep: (ms) => {
        waits.push(ms);
        const next = states.shift();
        admin.operations.jobs = [next ? jobOf(next) : done];
      },
    });
    assert.is(exit, 0);
    assert.match(out, /^Replay to archive of demo\.myshopify\.com: 200 events, positions 1 to 200\n/);
    assert.match(out, /to send +150 events: product_view 100, search 50\n +not wanted +type 50\n/);
    assert.match(out, /20 events delivered before: the destination gets them twice/);
    assert.match(
      out,
      /Replay r-1 to archive of .* is done at 100%: 149 delivered, 1 dead, 50 filtered\n.*dead shows why/,
    );
    assert.equal(questions, ['Send 150 events?']);
    assert.equal(waits, [1000, 1000, 1000]);
    assert.equal(progress, [
      'planning: 100 of 200 events',
      'planning: 200 of 200 events',
      '',
      '[........................]   0%  0 delivered, 0 dead, 0 filtered',
      '[######..................]  25%  40 delivered, 0 dead, 10 filtered',
      '[##################......]  75%  99 delivered, 1 dead, 50 filtered',
      '',
    ]);
    const order = { shop: SHOP, pipeline: 'archive', from: '2026-06-01T00:00:00.000Z', types: ['product_*', 'search'] };
    assert.equal(admin.operations.asked.slice(0, 2), [
      ['planningReplay', order],
      ['startReplay', order],
    ]);
  });

  it('says where a plan is not complete', async () => {
    admin.operations.planningReplay = async function* (order) {
      yield { position: 100, plan: await admin.operations.planReplay(order) };
    };
    const cut = await run(`${REPLAY} --yes`);
    assert.equal([cut.exit, /the plan is not complete/.test(cut.err)], [1, true]);
    admin.operations.planningReplay = async function* (order) {
      yield { position: 100, plan: await admin.operations.planReplay(order) };
      throw new Error('the disk is gone');
    };
    assert.match((await run(`${REPLAY} --yes`)).err, /the plan is not complete/);
    assert.not.ok(orders().includes('startReplay'));
  });

  it('adopts what an orphan owes, and discards it after a question', async () => {
    admin.operations.reports = [reportOf({ pipeline: 'old', state: 'orphaned', pending: 7, dead: 1 })];
    const adopted = await run(`pipelines adopt ${SHOP} old --as archive`);
    assert.match(adopted.out, `Replay r-1 delivers what old of ${SHOP} owes to archive.`);
    assert.is((await run(`pipelines discard ${SHOP} old`, { answer: false })).exit, 1);
    const discarded = await run(`pipelines discard ${SHOP} old`, { answer: true });
    assert.equal(discarded.questions, [`Discard 7 events and 1 dead letter of old of ${SHOP} for good?`]);
    assert.is(discarded.out, `7 events and 1 dead letter of old of ${SHOP} discarded.`);
    assert.is((await run(`pipelines discard ${SHOP} nobody --yes`)).exit, 1);
    assert.equal(
      admin.operations.asked.filter(([name]) => name.endsWith('Pipeline')),
      [
        ['adoptPipeline', { shop: SHOP, pipeline: 'old' }, 'archive'],
        ['discardPipeline', { shop: SHOP, pipeline: 'old' }],
        ['discardPipeline', { shop: SHOP, pipeline: 'nobody' }],
      ],
    );
  });

  it('balance names orphans, and what they owe', async () => {
    const [one] = admin.operations.sums.pipelines;
    const orphan = { ...one!, pipeline: 'old', orphaned: true as const, pending: 7, dead: 1 };
    admin.operations.sums = { ...admin.operations.sums, pipelines: [one!, orphan] };
    const { out } = await run('balance');
    assert.match(out, /Orphaned: old of demo.* is not configured; 7 events and 1 dead letter wait\. Adopt or discard/);
  });

  it('checks a configuration against a running gateway: what a reload would orphan', async () => {
    const shop = (ids: string) => `shops: [{ shop: ${SHOP}, tokens: [t], pipelines: [${ids}] }]`;
    const archive = '{ id: archive, destination: { type: file, directory: data } }';
    const check = (ids: string, json = '') =>
      runCli(['check', '--against', admin.url, ...(json ? [json] : [])], {
        env: { ADMIN_TOKEN, GATEWAY_CONFIG: shop(ids) },
      });
    admin.operations.reports = [
      reportOf({ pending: 3 }),
      reportOf({ pipeline: 'older', state: 'orphaned', pending: 9 }),
      reportOf({ pipeline: 'idle', dead: 0 }),
    ];
    const kept = await check(archive);
    assert.is(kept.exit, 0);
    assert.match(kept.out, `older of ${SHOP} is orphaned already: 9 events pending, 1 dead letter`);
    assert.match(kept.out, `idle of ${SHOP} would be taken out: 0 events pending, 0 dead letters`);
    const gone = await check('');
    assert.is(gone.exit, 1);
    assert.match(gone.out, `archive of ${SHOP} would be orphaned: 3 events pending, 1 dead letter`);
    assert.equal(JSON.parse((await check('', '--json')).out).orphans, [
      { shop: SHOP, pipeline: 'archive', pending: 3, dead: 1 },
    ]);
    const nobody = await runCli(['check', '--against', 'ftp://x'], {
      env: { ADMIN_TOKEN, GATEWAY_CONFIG: shop('') },
    });
    assert.equal([nobody.exit, /^--against: must be an address/.test(nobody.err)], [2, true]);
  });

  it('does not replay without a yes', async () => {
    assert.is((await run(`${REPLAY} --dry-run`)).exit, 0);
    assert.is((await run(REPLAY, { answer: false })).exit, 1);
    const nobody = await run(REPLAY);
    assert.is(nobody.exit, 2);
    assert.match(nobody.err, 'add --yes');
    admin.operations.plan = { ...admin.operations.plan, wanted: 0 };
    const empty = await run(`${REPLAY} --yes`);
    assert.match(empty.out, 'Nothing to send');
    assert.equal(new Set(orders()), new Set(['planningReplay']));
    admin.operations.failure = new BadOrder('expected events from 2027 on, got none');
    const refused = await run(REPLAY);
    assert.is(refused.exit, 2);
    assert.is(refused.err, 'The gateway refused this: expected events from 2027 on, got none.');
  });

  it('answers a replay in one JSON document', async () => {
    const planned = JSON.parse((await run(`${REPLAY} --dry-run --json`)).out);
    assert.equal(planned, { plan: admin.operations.plan });
    const { out } = await run(`${REPLAY} --yes --json`, {
      onSleep: () => {
        admin.operations.jobs = [jobOf({ state: 'done' })];
      },
    });
    assert.equal(JSON.parse(out), { plan: admin.operations.plan, job: jobOf({ state: 'done' }) });
    const detached = await run(`${REPLAY} --yes --json --detach`);
    assert.is(JSON.parse(detached.out).job.state, 'running');
  });

  it('keeps watching a replay while the gateway restarts', async () => {
    let waits = 0;
    admin.operations.jobs = [jobOf()];
    const { port } = admin;
    const { exit, out, progress } = await run('replay status r-1 --follow', {
      isTty: true,
      onSleep: async () => {
        waits += 1;
        if (waits === 1) await admin.close();
        if (waits < 4) return;
        admin = await openAdmin({ port });
        admin.operations.jobs = [jobOf({ state: 'done' })];
      },
    });
    assert.is(exit, 0);
    assert.match(progress[1]!, 'waiting for the gateway');
    assert.match(out, 'is done at 100%');
    assert.is(waits, 4);
  });

  it('leaves a replay running when its watcher goes', async () => {
    const leaving = new AbortController();
    const { exit, out } = await run(`${REPLAY} --yes`, { interrupted: leaving.signal, onSleep: () => leaving.abort() });
    assert.is(exit, 0);
    assert.match(out, /is running at 0%.*\nIt is still running: headless-events replay status r-1 --follow$/);
    assert.not.ok(orders().includes('cancelReplay'));
  });

  it('shows and cancels replays later', async () => {
    assert.is((await run('replay status')).out, 'No replays.');
    admin.operations.jobs = [jobOf({ position: 100 }), jobOf({ id: 'r-2', state: 'suspended' })];
    assert.match((await run('replay status')).out, /r-1 .*running .*100 .*\nr-2 .*suspended/);
    assert.match((await run('replay status r-1')).out, 'is running at 50%');
    const suspended = await run('replay status r-2 --follow');
    assert.is(suspended.exit, 1);
    assert.match(suspended.out, `Resume it with: headless-events pipelines resume ${SHOP} archive-r-2`);
    const unknown = await run('replay status r-9');
    assert.is(unknown.exit, 1);
    assert.match(unknown.err, 'There is no replay r-9');
    assert.is((await run('replay cancel r-1')).out, 'Replay r-1 is cancelled.');
    assert.is((await run('replay cancel r-9')).exit, 1);
    admin.operations.jobs = [jobOf({ state: 'done' })];
    const late = await run('replay cancel r-1');
    assert.equal([late.exit, late.out], [1, 'Replay r-1 was done already.']);
  });

  const lines: TailLine[] = [
    {
      kind: 'accepted',
      at: '2026-06-01T12:00:00.123Z',
      shop: SHOP,
      event: eventOf({ geo_country: 'DE', shopping_channel: 'app' }),
    },
    {
      kind: 'refused',
      at: '2026-06-01T12:00:01.000Z',
      shop: SHOP,
      dialect: 'layers',
      name: 'search',
      event_id: 'e-2',
      code: 'invalid',
      reasons: ['query: missing'],
    },
    {
      kind: 'dead',
      at: '2026-06-01T12:00:02.000Z',
      shop: SHOP,
      pipeline: 'ga4',
      event_id: 'e-3',
      type: 'purchase',
      name: 'purchase',
      status: 'HTTP 400',
    },
    { kind: 'note', text: 'not shown: what another process delivers' },
    { kind: 'missed', lines: 1200 },
  ];

  it('tails: a refused request says what it was refused for, also on a narrow terminal', async () => {
    admin.operations.lines = async function* () {
      const at = '2026-06-01T12:00:01.000Z';
      yield {
        kind: 'refused',
        at,
        shop: SHOP,
        dialect: 'layers',
        origin: 'https://a.example',
        status: 403,
        code: 'origin',
        reasons: ['the shop does not list the origin https://a.example'],
        left_out: 1200,
      };
      yield {
        kind: 'refused',
        at,
        dialect: 'glood',
        origin: 'https://a.example',
        status: 401,
        code: 'token_unknown',
        reasons: ['the token is unknown'],
      };
      yield { kind: 'refused', at, status: 400, code: 'no_http', reasons: ['what came is no HTTP'] };
    };
    const { out } = await run('tail');
    assert.equal(out.trimEnd().split('\n'), [
      '12:00:01.000  refused    demo.myshopify.com          layers 403 origin: the shop does not list the origin https://a.example (1,200 more before it)',
      '12:00:01.000  refused    -                           glood 401 token_unknown: the token is unknown (from https://a.example)',
      '12:00:01.000  refused    -                           400 no_http: what came is no HTTP',
    ]);
  });

  it('tails: a line for each event, in columns, until the stream ends', async () => {
    admin.operations.lines = async function* () {
      yield* lines;
    };
    const { exit, out, err } = await run(`tail --shop ${SHOP} --pipeline ga4 --types search --kinds dead,refused`);
    assert.is(exit, 1);
    assert.match(err, 'The gateway ended the stream');
    const [accepted, refused, dead, note, missed] = out.split('\n');
    assert.match(accepted!, /^12:00:00\.123 {2}accepted {3}demo\.myshopify\.com +product_view +e-1 +app DE$/);
    assert.match(refused!, /refused .*search +e-2 +layers invalid: query: missing$/);
    assert.match(dead!, /dead .*purchase +e-3 +ga4 HTTP 400$/);
    assert.match(note!, /^ +note +not shown: what another process delivers$/);
    assert.match(missed!, /missed +1,200 lines were left out/);
    assert.is(accepted!.indexOf('e-1'), dead!.indexOf('e-3'), 'columns stand under each other');
    assert.equal(admin.operations.asked, [
      ['tail', { shop: SHOP, pipeline: 'ga4', types: ['search'], kinds: ['dead', 'refused'] }],
    ]);
  });

  it('ends at Ctrl-C with a word, and not as if the gateway had failed', async () => {
    admin.operations.allDead = async function* () {
      yield deadOf(1);
      await new Promise(() => {});
    };
    const early = await run('dead export', { interrupted: AbortSignal.abort() });
    assert.equal([early.exit, early.err], [1, 'Interrupted: this is not complete.']);
    const leaving = new AbortController();
    const late = await run('dead export', { interrupted: leaving.signal, onOut: () => leaving.abort() });
    assert.equal([late.exit, late.err], [1, 'Interrupted: this is not complete.']);
    assert.match(late.out, /e-1/);
  });

  it('reads a stream however it is cut', async () => {
    const bytes = Buffer.from(
      ': open\n\nevent: a\ndata: {"city":"Zürich 🙂"}\n\n: still here\n\nevent: b\ndata: {}\n\nevent: c\nda',
    );
    for (const size of [1, 2, 3, 7, 1000]) {
      const read: string[] = [];
      for await (const data of dataOf(pieces(bytes, size))) read.push(data);
      assert.equal(read, ['{"city":"Zürich 🙂"}', '{}'], `in pieces of ${size}`);
    }
  });

  it('tails as NDJSON, and ends well when the operator leaves', async () => {
    const leaving = new AbortController();
    admin.operations.lines = async function* (_, signal) {
      yield* lines;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    };
    let seen = 0;
    const { exit, out, err } = await run('tail --json', {
      interrupted: leaving.signal,
      onOut: () => {
        seen += 1;
        if (seen === lines.length) leaving.abort();
      },
    });
    assert.is(exit, 0, err);
    assert.equal(
      out.split('\n').map((line) => JSON.parse(line)),
      lines,
    );
  });

  it('uses colour and the width of the window only where a person looks', async () => {
    admin.operations.lines = async function* () {
      yield* lines;
    };
    const plain = (text: string) => !text.includes('\u001b');
    const atTerminal = (await run('tail', { isTty: true, columns: 60 })).out.split('\n');
    assert.match(atTerminal[0]!, '\u001b[32maccepted \u001b[0m');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room.
    for (const line of atTerminal) assert.ok(line.replace(/\u001b\[\d+m/g, '').length <= 60, line);
    assert.match(atTerminal[0]!, /com {2}product_view {2}…/);
    assert.ok(plain((await run('tail', { isTty: true, env: { NO_COLOR: '1' } })).out));
    assert.ok(plain((await run('tail')).out));
  });

  it('lets no event act on the terminal', async () => {
    const evil = '\u001b]0;owned\u0007\u009b2J\u202e\r\nx';
    admin.operations.known = [receiptOf({ type: evil })];
    admin.operations.letters = [deadOf(1, { reason: evil, event: eventOf({ query: evil }) })];
    admin.operations.refused = [quarantinedOf('q', { raw: evil, reasons: [evil] })];
    admin.operations.lines = async function* () {
      yield { kind: 'accepted', at: evil, shop: evil, event: eventOf({ event_id: evil, event_type: evil }) };
    };
    const harmful = /(?!\n)[\p{Cc}\p{Bidi_Control}]/u;
    const calls = [
      'receipt e-1',
      'dead',
      'dead show e-1',
      'dead export',
      'quarantine',
      'quarantine show q',
      'tail',
      'tail --json',
    ];
    for (const call of [...calls, 'receipt e-1 --json', 'dead --json']) {
      const { out } = await run(call);
      assert.not.match(out, harmful);
      assert.ok(/owned/.test(out), `${call} shows what is left of it`);
    }
    assert.is(JSON.parse((await run('receipt e-1 --json')).out).receipts[0].type, evil, 'JSON stays exact');
  });

  it('says whether the sums are balanced, and fails where they are not', async () => {
    const good = await run('balance');
    assert.is(good.exit, 0);
    assert.match(good.out, /Balanced: every event is accounted for\.$/);
    assert.match(good.out, /invalid 1/);
    admin.operations.sums = { ...admin.operations.sums, balanced: false };
    const bad = await run('balance');
    assert.is(bad.exit, 1);
    assert.match(bad.out, /NOT balanced/);
    assert.is((await run('balance --json')).exit, 1);
  });

  it('makes tokens without asking any gateway', async () => {
    const made = 'ab'.repeat(32);
    const { exit, out } = await run('token', { env: { ADMIN_TOKEN: '' } });
    assert.is(exit, 0);
    assert.ok(out.startsWith(`${made}\n`));
    assert.match(out, `sha256:${hash('sha256', made, 'hex')}`);
    const adminToken = await run('token --admin');
    assert.match(adminToken.out, `ADMIN_TOKEN=${made}`);
    assert.not.match(adminToken.out, 'sha256:');
    assert.equal(JSON.parse((await run('token --json')).out), {
      token: made,
      digest: `sha256:${hash('sha256', made, 'hex')}`,
    });
  });

  it('helps with examples everywhere, and fails with 2 for wrong calls', async () => {
    const groups = ['dead', 'quarantine', 'jobs', 'pipelines', 'replay'];
    const kept = ['list', 'show', 'redrive', 'discard', 'export'];
    const commands = [
      '',
      ...['check', 'send', 'receipt', 'tail', 'balance', 'token', ...groups],
      ...['dead', 'quarantine'].flatMap((group) => kept.map((name) => `${group} ${name}`)),
      ...['list', 'suspend', 'resume'].map((name) => `pipelines ${name}`),
      ...['start', 'status', 'cancel'].map((name) => `replay ${name}`),
      ...['list', 'status', 'cancel'].map((name) => `jobs ${name}`),
    ];
    for (const command of commands) {
      const { exit, out } = await run(`${command} --help`.trim());
      assert.is(exit, 0, command);
      assert.match(out, /Examples:\n {2}\$ headless-events/);
    }
    for (const call of [
      'receipt',
      'dead nope',
      'replay',
      'tail --nope',
      'pipelines suspend x',
      'tail --types ,',
      'nope',
    ]) {
      const { exit, err } = await run(call);
      assert.is(exit, 2, call);
      assert.ok(err !== '', call);
    }
    assert.equal(admin.operations.asked, []);
  });
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
