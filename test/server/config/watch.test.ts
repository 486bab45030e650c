import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { watchConfig } from '../../../server/config/watch.ts';
import { describe } from '../../support/describe.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

describe('watching the configuration', ({ it, before, after }) => {
  const intervalMs = 10;
  let folder: { path: string; remove: () => void };
  let stop: AbortController;
  before(() => {
    folder = temporaryFolder();
    stop = new AbortController();
  });
  after(() => {
    stop.abort();
    folder.remove();
  });

  /** Watches a path, waits until the watcher has seen it, and gives the number of changes since. */
  async function watched(path: string, touch: () => void, signal = stop.signal): Promise<() => number> {
    let changes = 0;
    const count = (): void => {
      changes += 1;
    };
    void watchConfig(path, count, signal, { intervalMs });
    await until(() => {
      touch();
      return changes > 0;
    });
    const seen = changes;
    return () => changes - seen;
  }

  /** Resolves when a watcher of another file has seen several changes: by then, every watcher has looked as often. */
  async function severalLooks(): Promise<void> {
    const controller = new AbortController();
    const write = growing(join(folder.path, 'other.yaml'));
    const seen = await watched(join(folder.path, 'other.yaml'), write, controller.signal);
    await until(() => {
      write();
      return seen() > 3;
    });
    controller.abort();
  }

  it('notices a file written in place, and one replaced as editors do', async () => {
    const path = join(folder.path, 'a.yaml');
    const changes = await watched(path, growing(path));
    writeFileSync(`${path}.new`, 'replaced');
    renameSync(`${path}.new`, path);
    await until(() => changes() > 0);
    const before = changes();
    writeFileSync(path, 'written in place, later');
    await until(() => changes() > before);
  });

  it('notices a swapped symbolic link, as Kubernetes does', async () => {
    const at = (name: string): string => join(folder.path, name);
    let turn = 0;
    const swap = (): void => {
      turn += 1;
      mkdirSync(at(`data-${turn}`));
      writeFileSync(join(at(`data-${turn}`), 'gateway.yaml'), 'same text');
      symlinkSync(`data-${turn}`, at('next'));
      renameSync(at('next'), at('data'));
    };
    swap();
    symlinkSync('data/gateway.yaml', at('linked.yaml'));
    const changes = await watched(at('linked.yaml'), swap);
    swap();
    await until(() => changes() > 0);
  });

  it('says nothing of a file that is gone, and speaks when it is back', async () => {
    const path = join(folder.path, 'gone.yaml');
    const write = growing(path);
    write();
    const changes = await watched(path, write);
    await severalLooks();
    const before = changes();
    rmSync(path);
    await severalLooks();
    assert.is(changes(), before);
    write();
    await until(() => changes() > before);
  });

  it('says nothing after it has been stopped', async () => {
    const controller = new AbortController();
    const path = join(folder.path, 'stopped.yaml');
    const write = growing(path);
    const changes = await watched(path, write, controller.signal);
    controller.abort();
    const before = changes();
    write();
    await severalLooks();
    assert.is(changes(), before);
  });

  it('ends when it is stopped, at once if that was before', async () => {
    const controller = new AbortController();
    const stopped = watchConfig(join(folder.path, 'b.yaml'), () => {}, controller.signal, { intervalMs });
    controller.abort();
    await stopped;
    await watchConfig(join(folder.path, 'b.yaml'), () => {}, controller.signal, { intervalMs });
  });
});

/** Writes a file, longer each time. */
function growing(path: string): () => void {
  let text = '';
  return () => {
    text += 'x';
    writeFileSync(path, text);
  };
}
