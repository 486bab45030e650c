import type { TailLine } from '../../../schemas/admin-api/tail.ts';

export interface LineBufferLimits {
  readonly maxLines: number;
  /** Without it only the lines are counted. */
  readonly maxBytes?: number;
}

/** Lines that wait for one reader. When it is full, further lines are left out and counted, so that nothing waits for a slow reader. */
export class LineBuffer {
  readonly #limits: LineBufferLimits;
  #lines: TailLine[] = [];
  #bytes = 0;
  /** Lines left out after the last one in the buffer. */
  #missed = 0;

  constructor(limits: LineBufferLimits) {
    this.#limits = limits;
  }

  /** Keeps a line, or counts it as missed if the buffer is full. Lines missed before it are kept as a `missed` line, at their place. */
  put(line: TailLine): void {
    const { maxLines, maxBytes = Number.POSITIVE_INFINITY } = this.#limits;
    const places = this.#missed > 0 ? 2 : 1;
    if (this.#lines.length + places > maxLines || this.#bytes + this.#sizeOf(line) > maxBytes) {
      this.#missed += 1;
      return;
    }
    for (const one of this.#missed > 0 ? [this.#gap(), line] : [line]) {
      this.#lines.push(one);
      this.#bytes += this.#sizeOf(one);
    }
  }

  /** Counts lines that were left out on their way here. */
  miss(lines: number): void {
    this.#missed += lines;
  }

  /** Takes the next line. After the last one it is a `missed` line, if any were left out. */
  next(): TailLine | undefined {
    const line = this.#lines.shift();
    if (line === undefined) return this.#missed > 0 ? this.#gap() : undefined;
    this.#bytes -= this.#sizeOf(line);
    return line;
  }

  /** Takes all lines, and how many were left out after them. */
  takeAll(): { readonly lines: readonly TailLine[]; readonly missed: number } {
    const taken = { lines: this.#lines, missed: this.#missed };
    this.clear();
    return taken;
  }

  clear(): void {
    this.#lines = [];
    this.#bytes = 0;
    this.#missed = 0;
  }

  #gap(): TailLine {
    const lines = this.#missed;
    this.#missed = 0;
    return { kind: 'missed', lines };
  }

  #sizeOf(line: TailLine): number {
    return this.#limits.maxBytes === undefined ? 0 : sizeOf(line);
  }
}

const sizes = new WeakMap<TailLine, number>();

/** About how many bytes a line takes; computed once for all its readers. */
function sizeOf(line: TailLine): number {
  const size = sizes.get(line) ?? JSON.stringify(line).length;
  sizes.set(line, size);
  return size;
}
