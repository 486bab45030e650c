import * as assert from 'uvu/assert';
import { dialects } from '../../../adapters/dialects/index.ts';
import { LogUnavailable } from '../../../adapters/logs/log.ts';
import type { HttpOptions } from '../../../server/http/server.ts';
import type { IngestTools } from '../../../server/ingest/ingest.ts';
import { createLoad } from '../../../server/overload/load.ts';
import { describe } from '../../support/describe.ts';
import { openEventServer } from '../../support/event-server.ts';
import { beacon, glood, lanes, layersEvent } from '../../support/gateway.ts';

const oops = (): never => {
  throw new Error('planted');
};

/** A server with a fault in one of its parts. */
async function serverWith(http: Partial<HttpOptions>, tools: Partial<IngestTools> = {}) {
  const logged: (string | undefined)[] = [];
  const onError = (_error: unknown, requestId?: string): void => void logged.push(requestId);
  const load = createLoad({
    maxBytes: 1e9,
    disk: () => 'none',
    refusalDelayMs: 0,
    onRefusal: () => {},
    onShortage: () => {},
  });
  return { ...(await openEventServer({ load, tools, http: { onError, ...http } })), logged };
}

const log = (append: () => Promise<never>) => ({ append }) as never;

const faults: readonly (readonly [string, number, Partial<HttpOptions>, Partial<IngestTools>?])[] = [
  ['an enrichment', 500, {}, { enrich: oops }],
  ['a clock', 500, {}, { now: oops }],
  ['a log', 500, {}, { log: log(async () => oops()) }],
  ['the count of answers', 201, { onAnswered: oops }],
  ['the look at who sends', 500, { ingest: { identify: oops } as never }],
  ['the admission', 500, { ingest: { admit: oops } as never }],
  ['the load', 500, { load: { currentPressure: oops } as never }],
  ['the turn', 500, { load: { enter: oops } as never }],
  ['the question whether it stops', 500, { draining: oops }],
  [
    'a header that cannot be written',
    500,
    { ingest: { take: async () => ({ status: 201, body: 'null', headers: { 'X-Odd': 'a\nb' } }) } as never },
  ],
  [
    'a refusal',
    500,
    { ingest: { admit: oops } as never, dialects: dialects.map((one) => ({ ...one, ...refusesOnce(one) })) },
  ],
];

function refusesOnce({ refused }: (typeof dialects)[number]) {
  let refusals = 0;
  return {
    refused: (error: Parameters<typeof refused>[0]) => {
      refusals += 1;
      return refusals % 2 === 1 ? oops() : refused(error);
    },
  };
}

describe('a throw in the way of a request', ({ it }) => {
  for (const [what, status, http, tools] of faults)
    it(`of ${what} is logged once with the id of the request, and answered`, async () => {
      const { port, logged, close } = await serverWith(http, tools);
      for (const lane of lanes) {
        logged.length = 0;
        const headers = { 'x-request-id': `request-${lane}`, origin: 'https://shop.example.com' };
        const reply = await beacon(port, [layersEvent()], { lane, headers });
        assert.is(reply.status, status);
        assert.is(reply.headers['x-request-id'], `request-${lane}`);
        if (status === 500) {
          assert.equal(JSON.parse(reply.body).errors, [
            'Something went wrong here. The request id names the log line.',
          ]);
          assert.is(reply.headers['retry-after'], undefined);
        }
        // What is thrown behind the answer is logged behind it.
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(logged, [`request-${lane}`]);
      }
      close();
    });

  it('is answered in the words of each dialect', async () => {
    const { port, close } = await serverWith({}, { enrich: oops });
    const event = { event: { id: '1', name: 'page_viewed', data: {} }, session_id: 's' };
    assert.is(JSON.parse((await glood(port, event)).body).error, 500);
    close();
  });

  it('is told from a log that cannot be reached, which is no fault: clients come again', async () => {
    const unavailable = () => Promise.reject(new LogUnavailable('gone'));
    const { port, logged, close } = await serverWith({}, { log: log(unavailable) });
    const { status, headers, body } = await beacon(port, [layersEvent()]);
    assert.is(status, 503);
    assert.is(headers['retry-after'], '1');
    assert.equal(JSON.parse(body).errors, ['the event could not be stored; send it again']);
    assert.equal(logged, []);
    close();
  });
});
