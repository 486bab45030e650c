import { closeSync, existsSync, openSync, readSync } from 'node:fs';

const AT_ONCE = 1024 * 1024;

/** The complete lines of a journal that grows, each parsed once: to be asked often. It need not be there yet. */
export function growing<T>(path: string): () => readonly T[] {
  const lines: T[] = [];
  const chunk = Buffer.alloc(AT_ONCE);
  let begun = Buffer.alloc(0);
  let position = 0;
  return () => {
    if (!existsSync(path)) return lines;
    const file = openSync(path, 'r');
    try {
      for (;;) {
        const count = readSync(file, chunk, 0, AT_ONCE, position);
        if (count === 0) return lines;
        position += count;
        const bytes = Buffer.concat([begun, chunk.subarray(0, count)]);
        const end = bytes.lastIndexOf('\n') + 1;
        begun = bytes.subarray(end);
        const complete = bytes.toString('utf8', 0, end).split('\n').slice(0, -1);
        for (const line of complete) lines.push(JSON.parse(line) as T);
      }
    } finally {
      closeSync(file);
    }
  };
}
