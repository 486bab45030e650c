import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { gloodForOurShop } from './documents.ts';
import { fuzz, type Trial } from './schemathesis.ts';
import { described } from './stage.ts';

interface Sent {
  readonly page_type?: unknown;
}
interface Answer {
  readonly status: number;
  readonly body: string;
}

const no = '{"error":400,"message":"no"}';

/** What a gateway with four faults answers to a page type. */
const faults: Readonly<Record<string, Answer>> = {
  order_status: { status: 400, body: no },
  cart: { status: 418, body: no },
  checkout: { status: 200, body: '{"ok":false}' },
  search: { status: 500, body: no },
};
const answerTo = ({ page_type }: Sent): Answer => faults[String(page_type)] ?? { status: 200, body: '{"ok":true}' };

describe('the fuzzer', ({ it, before, after }) => {
  let server: Server;
  before(async () => {
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      const { status, body } = answerTo(text === '' ? {} : (JSON.parse(text) as Sent));
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  after(() => server.close());
  const trial = (): Trial => ({
    document: gloodForOurShop(),
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'positive',
    checks: [...described, 'positive_data_acceptance'],
    examples: 5,
  });

  it(
    'finds an allowed value that is refused, a failure, and an answer with a status or a body of its own',
    async () => {
      const { complaint } = await fuzz(trial());
      for (const says of [
        'Schema-valid request rejected',
        'Server error',
        'Undocumented status code',
        'Response violates schema',
      ])
        assert.match(complaint, says);
    },
    { timeoutMs: 300_000 },
  );

  it('says what to do where it is missing', async () => {
    const message = await fuzz(trial(), '/nowhere/schemathesis').catch((error: Error) => error.message);
    assert.match(String(message), /expected schemathesis at \/nowhere.*npm run engines.*python3-venv/);
  });
});
