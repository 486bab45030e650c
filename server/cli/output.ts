/** Where a command writes, and what it is told by its surroundings: all of it an argument, so that tests run commands in-process. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly randomId: () => string;
}

/** How a command ended, as scripts see it. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** A value for machines, one JSON document; or its lines for people. */
export function show(terminal: Terminal, json: boolean | undefined, value: unknown, lines: readonly string[]): void {
  terminal.out(json ? JSON.stringify(value, null, 2) : lines.join('\n'));
}
