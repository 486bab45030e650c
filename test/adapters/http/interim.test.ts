import { once } from 'node:events';
import { createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { openHttp } from '../../../adapters/http/http.ts';
import { describe } from '../../support/describe.ts';

/** A receiver that sends these bytes before its answer. */
async function receiving(interim: string, times: number) {
  let sent = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      const more = () => {
        while (!socket.destroyed && sent < times) {
          sent += 1;
          if (!socket.write(interim)) return void socket.once('drain', more);
        }
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      };
      more();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const url = `http://127.0.0.1:${port}/`;
  const http = openHttp({ url, timeoutSeconds: 20, allowPrivateNetworks: true, secrets: [] }, Date.now);
  const outcome = await http.post('{}', {}, 1, new AbortController().signal);
  http.close();
  server.close();
  return { outcome, sent };
}

describe('a receiver that sends interim answers', ({ it }) => {
  it('is heard where they are few', async () => {
    const { outcome } = await receiving('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', 10);
    assert.is(outcome.kind, 'delivered');
  });

  for (const status of ['100 Continue', '102 Processing', '103 Early Hints'])
    it(`is let go where they have no end: ${status}`, async () => {
      const { outcome, sent } = await receiving(`HTTP/1.1 ${status}\r\nx: ${'x'.repeat(8000)}\r\n\r\n`, 1e6);
      assert.is(outcome.kind, 'retry');
      assert.match(JSON.stringify(outcome), /more than 16 interim answers/);
      assert.ok(sent < 20_000, `${sent} were sent`);
    });
});
