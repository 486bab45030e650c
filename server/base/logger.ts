import { type DestinationStream, pino } from 'pino';

/**
 * Structured log lines. Callers log named fields only: never a header, a URL with its query, a body or a parser's error, since those carry
 * tokens and shoppers' data. Names are snake_case (anything else does not compile), and times are ISO 8601, as in every answer.
 */
export interface Logger {
  readonly trace: Write;
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  readonly fatal: Write;
  /** A logger that adds these fields to every line. */
  child<F extends object>(fields: F & InStyle<F>): Logger;
}

interface Write {
  (message: string): void;
  <F extends object>(fields: F & InStyle<F>, message: string): void;
}

type InStyle<F> = {
  readonly [Name in keyof F]: string extends Name ? F[Name] : Name extends Lowercase<Name & string> ? F[Name] : never;
};

export function createLogger(level: string, stream?: DestinationStream): Logger {
  const options = {
    level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, stream ?? output());
}

/**
 * Standard output. Each line is written at once, so that there is never anything to flush: if nothing reads the output any more, a flush
 * retries for ever, and the process would neither take events nor end.
 */
function output(): DestinationStream {
  const lines = pino.destination({ dest: 1, sync: true });
  return { write: (line) => void lines.write(line) };
}
