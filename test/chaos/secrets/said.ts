import { type Seen, textOf } from './canaries.ts';

/** How a process must end, and what it must say. */
export interface Expected {
  readonly code: number;
  readonly says: readonly string[];
}

/** What a process printed, and how it ended. */
export interface Output {
  readonly where: string;
  readonly text: string;
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly expected: Expected;
}

/** Outputs in which a leak could not have shown: the process said nothing, not what was to be provoked, or ended otherwise. Pure. */
export function unlike(outputs: readonly Output[]): string[] {
  return outputs.flatMap(({ where, text, code, expected }) => {
    const missing = expected.says.filter((words) => !text.includes(words));
    const faults = [
      ...(text.trim() === '' ? ['says nothing'] : missing.map((words) => `does not say ${JSON.stringify(words)}`)),
      ...(code === expected.code ? [] : [`ended with ${code} instead of ${expected.code}`]),
    ];
    return faults.length === 0 ? [] : [`${where} ${faults.join(', ')}`];
  });
}

/** Kinds of places, by how their names begin, in none of which stands what must stand there. */
export function mute(seen: readonly Seen[], wanted: Readonly<Record<string, string>>): string[] {
  return Object.entries(wanted).flatMap(([kind, words]) =>
    seen.some((one) => one.where.startsWith(kind) && textOf(one).includes(words)) ? [] : [`${kind}… without ${words}`],
  );
}
