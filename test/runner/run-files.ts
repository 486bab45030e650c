import type { Counts } from '../support/describe.ts';
import { killBelow } from '../support/processes.ts';
import { MARK } from './test-process.ts';

// uvu collects the suites of a file, and runs them when it is told to.
const uvu = globalThis as unknown as { UVU_DEFER: number; UVU_INDEX: number; UVU_QUEUE: unknown[][] };
uvu.UVU_DEFER = 1;
const { exec } = await import('uvu');
const { takeCounts } = await import('../support/describe.ts');
// Before any test can exchange them.
const streams = [process.stdout, process.stderr].map((stream) => stream.write.bind(stream));

process.on('message', async (message: { file?: string }) => {
  if (message.file === undefined) return;
  uvu.UVU_INDEX = 0;
  uvu.UVU_QUEUE.splice(0, uvu.UVU_QUEUE.length, [null]);
  takeCounts();
  let counts: Counts;
  try {
    await import(message.file);
    await exec();
    counts = takeCounts();
  } catch (error) {
    console.error(error);
    counts = { ...takeCounts(), failed: 1 };
  }
  // A promise that was rejected and that nobody waits for ends the process first.
  await new Promise((resolve) => setImmediate(resolve));
  process.exitCode = 0;
  process.send?.({ counts });
  for (const write of streams) write(MARK);
});

// When the run has no more files, or is gone. Handles that a file left open do not matter any more.
process.once('disconnect', () => process.exit(0));
process.once('exit', () => killBelow(process.pid));
