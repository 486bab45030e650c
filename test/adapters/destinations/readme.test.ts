import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tsImport } from 'tsx/esm/api';
import * as assert from 'uvu/assert';
import type { Destination } from '../../../adapters/destinations/destination.ts';
import { destination, destinations } from '../../../adapters/destinations/index.ts';
import { destinationContract } from '../../contracts/destination.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { openSink } from '../../support/sink.ts';
import { until } from '../../support/until.ts';

const adapters = resolve('adapters');
const example = await exampleIn(readFileSync(join(adapters, 'README.md'), 'utf8'));

destinationContract({
  destination: example,
  async open() {
    const sink = await openSink();
    const arrived: string[] = [];
    let failing = false;
    sink.behave(({ body }) => {
      if (failing) return { kind: 'answer', status: 503 };
      arrived.push(body);
      return { kind: 'answer', status: 201 };
    });
    return {
      settings: { url: sink.url, apiKey: 'key-of-the-receiver', allowPrivateNetworks: true },
      arrived: () => arrived.map((body) => JSON.parse(body)),
      fail() {
        failing = true;
      },
      mend() {
        failing = false;
      },
      async hang() {
        const before = sink.requests.length;
        sink.behave({ kind: 'hang' });
        await until(() => sink.requests.length > before);
      },
      close: () => sink.close(),
    };
  },
  mistakes: [{ settings: { url: 'http://example.com', apiKey: 'k' }, tells: /must start with https:/ }],
});

describe('the registry of destinations', ({ it }) => {
  it('finds each destination by its type, and nothing else', () => {
    const types = destinations.map(({ type }) => type);
    assert.is(new Set(types).size, types.length);
    for (const type of ['file', 'webhook']) assert.ok(types.includes(type));
    for (const known of destinations) assert.is(destination(known.type), known);
    for (const type of ['', 'File', 'toString', '__proto__']) assert.is(destination(type), undefined);
  });
});

/** The first code block of the page that names its file, as a module: its imports lead to the real files and packages. */
async function exampleIn(page: string): Promise<Destination> {
  const code = /```ts\n\/\/ adapters\/destinations\/single\/single\.ts\n(.*?)```/s.exec(page)?.[1];
  if (!code) throw new Error('adapters/README.md has no example of a destination any more');
  const folder = temporaryFolder();
  try {
    const path = join(folder.path, 'single.mts');
    writeFileSync(
      path,
      code.replace(/from '(.+)'/g, (_, from: string) =>
        from.startsWith('.')
          ? `from '${pathToFileURL(join(adapters, 'destinations/single', from)).href}'`
          : `from '${import.meta.resolve(from)}'`,
      ),
    );
    return (await tsImport(pathToFileURL(path).href, import.meta.url)).single as Destination;
  } finally {
    folder.remove();
  }
}
