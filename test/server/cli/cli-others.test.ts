import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../../support/describe.ts';
import { runCli } from '../../support/terminal.ts';

const ADMIN_TOKEN = 'a'.repeat(32);
const TOKEN = 'token-of-a-shop';
const asking: readonly (readonly string[])[] = [
  ['send', '--token', TOKEN],
  ['send', '--dialect', 'glood', '--shop', 'demo.myshopify.com', '--token', TOKEN],
  ['pipelines'],
  ['balance'],
  ['receipt', 'e-1'],
  ['dead'],
  ['quarantine'],
  ['replay', 'status'],
  ['tail'],
];

/** A server that is no gateway, with the headers that it was sent. */
async function other(answer: RequestListener): Promise<{ url: string; asked: () => number; close: () => void }> {
  let asked = 0;
  const server: Server = createServer((request, response) => {
    asked += 1;
    request.resume();
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, asked: () => asked, close: () => server.close() };
}

const page =
  (status: number): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' }).end('<html>\u001b[2J</html>');
const json =
  (status: number, body: string): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);

describe('a command where no gateway answers', ({ it }) => {
  const run = async (args: readonly string[], url: string) => {
    const ended = await runCli([...args, '--url', url], { env: { ADMIN_TOKEN } });
    assert.is(ended.exit, 1, `${args}: ${ended.err}`);
    assert.not.match(`${ended.out}${ended.err}`, /\n {2,}at /);
    assert.not.ok(ended.err.includes('\u001b') || ended.out.includes('\u001b'));
    assert.not.match(`${ended.out}${ended.err}`, new RegExp(`${ADMIN_TOKEN}|${TOKEN}`));
    return ended.err;
  };

  for (const args of asking) {
    const name = args.slice(0, 3).join(' ');
    it(`says who answered what: ${name}`, async () => {
      for (const [what, status] of [
        [page(200), 200],
        [page(404), 404],
        [page(502), 502],
        [json(500, '[]'), 500],
      ] as const) {
        const server = await other(what);
        assert.match(
          await run(args, server.url),
          new RegExp(`no gateway: it sent HTTP ${status} with|failed with HTTP ${status}|the stream`),
        );
        server.close();
      }
      for (const body of ['{}', '[]', 'null', '"text"', '{"events":5}']) {
        const server = await other(json(200, body));
        // A list of nothing is what a gateway may say too; whatever is said, it is no stack trace.
        const ended = await runCli([...args, '--url', server.url], { env: { ADMIN_TOKEN } });
        assert.not.match(`${ended.out}${ended.err}`, /\n {2,}at /);
        server.close();
      }
    });

    it(`never follows a redirect: ${name}`, async () => {
      const target = await other(json(200, '{}'));
      const server = await other((_, response) =>
        response.writeHead(307, { Location: `${target.url}/there?token=secret-in-query` }).end(),
      );
      const said = await run(args, server.url);
      assert.match(
        said,
        /redirects to http:\/\/127\.0\.0\.1:\d+\/there \(HTTP 307\)\. Redirects are not followed: give that address with --url/,
      );
      assert.is(target.asked(), 0);
      server.close();
      target.close();
    });

    it(`says that nobody answers, or none that speaks HTTP or TLS: ${name}`, async () => {
      assert.match(
        await run(args, 'http://127.0.0.1:9'),
        /No gateway answers at http:\/\/127\.0\.0\.1:9: .*ECONNREFUSED/,
      );
      const rude = createTcp((socket) => socket.end('SSH-2.0-other\r\n'));
      await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve));
      const { port } = rude.address() as AddressInfo;
      assert.match(await run(args, `http://127.0.0.1:${port}`), /No gateway answers at/);
      assert.match(await run(args, `https://127.0.0.1:${port}`), /No gateway answers at .* TLS/);
      rude.close();
    });
  }
});
