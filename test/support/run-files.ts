import type { Counts } from './describe.ts';
import { MARK } from './test-process.ts';

// uvu collects the suites of a file, and runs them when it is told to.
const uvu = globalThis as unknown as { UVU_DEFER: number; UVU_INDEX: number; UVU_QUEUE: unknown[][] };
uvu.UVU_DEFER = 1;
const { exec } = await import('uvu');
const { takeCounts } = await import('./describe.ts');

process.on('message', async (message: { file?: string }) => {
  if (message.file === undefined) return;
  uvu.UVU_INDEX = 0;
  uvu.UVU_QUEUE.splice(0, uvu.UVU_QUEUE.length, [null]);
  let counts: Counts;
  try {
    await import(message.file);
    await exec();
    counts = takeCounts();
  } catch (error) {
    console.error(error);
    counts = { ...takeCounts(), failed: 1 };
  }
  process.exitCode = 0;
  process.stdout.write(`${MARK}${JSON.stringify(counts)}\n`);
});

// Handles that a file left open do not matter any more.
process.once('disconnect', () => process.exit());
