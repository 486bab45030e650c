import type { Clock } from '../base/clock.ts';

/** Where a command writes, and what it is told by its surroundings: all of it an argument, so that tests run commands in-process. */
export interface Terminal extends Pick<Clock, 'now' | 'sleep'> {
  readonly out: (text: string) => void;
  /** Resolves when what was written has been taken, where that can be told: who writes much waits for it. */
  readonly taken?: () => Promise<void>;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly randomId: () => string;
  /** So many random bytes as hex digits. */
  readonly randomHex: (bytes: number) => string;
  /** Whether a person is looking: lines are cut to `columns`, colours and a moving progress line are welcome. */
  readonly isTty: boolean;
  readonly columns: number;
  /** Asks a question with yes or no; absent if there is nobody to ask. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** Shows a line that the next one replaces; an empty one only clears it. */
  readonly progress: (line: string) => void;
  /** Aborts when the operator has had enough (Ctrl-C). From the first call on it is the command that ends, not the process. */
  readonly interrupted: () => AbortSignal;
}

/** How a command ended, as scripts see it. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message for its operator. */
export class Failure extends Error {
  readonly exit: Exit;

  constructor(message: string, exit: Exit = EXIT.failed, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

/** A value for machines, one JSON document; or its lines for people. */
export function show(terminal: Terminal, json: boolean | undefined, value: unknown, lines: readonly string[]): void {
  if (json) terminal.out(jsonText(value, 2));
  else terminal.out(lines.map(printable).join('\n'));
}

/** JSON that a terminal can be trusted with: JSON itself escapes only part of the control characters. */
export const jsonText = (value: unknown, indent?: number): string =>
  escaped(JSON.stringify(value, null, indent) ?? 'null');

/** The same of a text that is JSON. */
export const escaped = (json: string): string =>
  json.replace(HARMFUL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Text of shoppers and destinations may hold escape sequences, which would act on the operator's terminal. Line ends stay. */
export const printable = (text: string): string =>
  text.replace(HARMFUL, (character) => (character === '\n' ? '\n' : character === '\t' ? ' ' : '\u{fffd}'));

// Control characters and those that turn the direction of writing. JSON.stringify leaves no line end but its own.
const HARMFUL = /(?!\n)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
