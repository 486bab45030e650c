import { endedByClose } from '../closing.ts';
import { OwnedJobs } from '../jobs.ts';
import type { Store, StoreOptions } from '../store.ts';
import { MemoryCursors } from './cursors.ts';
import { MemoryDeadLetters } from './dead-letters.ts';
import { MemoryJournal } from './journal.ts';
import { MemoryLog } from './log.ts';
import { PipelineMap } from './pipelines.ts';
import { MemoryQuarantine } from './quarantine.ts';
import { MemoryReplays } from './replays.ts';
import { Shops } from './shops.ts';

/** A log in memory, for tests. */
export function openMemory(options: StoreOptions): Store {
  const [shops, pipelines] = [new Shops(options), new PipelineMap()];
  const log = new MemoryLog(shops, options);
  const cursors = new MemoryCursors(pipelines, shops);
  const state = {
    cursors,
    journal: new MemoryJournal(pipelines),
    deadLetters: new MemoryDeadLetters(pipelines, cursors, options),
    quarantine: new MemoryQuarantine((shop) => shops.get(shop).quarantine),
    replays: new MemoryReplays(),
    jobs: new OwnedJobs([], async () => {}),
  };
  return endedByClose({ log, state, close: () => log.close() });
}
