import type { Clock } from '../base/clock.ts';

/** What a command uses of its surroundings. All of it is an argument, so that tests run commands in-process. */
export interface Terminal extends Pick<Clock, 'now' | 'sleep'> {
  readonly out: (text: string) => void;
  /** Resolves when the output has taken what was written, if that is known. Commands that write much wait for it. */
  readonly taken?: () => Promise<void>;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly randomId: () => string;
  /** Random bytes as hex digits. */
  readonly randomHex: (bytes: number) => string;
  /** Whether the output is a terminal: then lines are cut to `columns`, and there are colours and a progress line. */
  readonly isTty: boolean;
  readonly columns: number;
  /** Asks a yes-or-no question; absent without a terminal. */
  readonly confirm?: (question: string) => Promise<boolean>;
  /** Shows a progress line; the next one replaces it, and an empty one clears it. */
  readonly progress: (line: string) => void;
  /** Aborts on Ctrl-C. After the first call, Ctrl-C ends the command and not the process. */
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

/** Prints the value as one JSON document, or its lines for people. */
export function show(terminal: Terminal, json: boolean | undefined, value: unknown, lines: readonly string[]): void {
  if (json) terminal.out(jsonText(value, 2));
  else terminal.out(lines.map(printable).join('\n'));
}

/** JSON that is safe to print on a terminal: JSON itself escapes only some control characters. */
export const jsonText = (value: unknown, indent?: number): string =>
  escaped(JSON.stringify(value, null, indent) ?? 'null');

/** The same for a text that is JSON already. */
export const escaped = (json: string): string =>
  json.replace(HARMFUL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * Escapes control characters except line ends: text of shoppers and destinations may hold escape sequences, which would control the operator's
 * terminal.
 */
export const printable = (text: string): string =>
  text.replace(HARMFUL, (character) => (character === '\n' ? '\n' : character === '\t' ? ' ' : '\u{fffd}'));

// Control characters, and those that change the direction of writing. JSON.stringify leaves no line end but its own.
const HARMFUL = /(?!\n)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
