import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger };

/**
 * Structured lines on standard output. Callers log named fields only: never a header, a URL with its query, a body or a
 * whole error of a parser, since those carry tokens and shoppers' data.
 */
export function createLogger(level: string, stream?: DestinationStream): Logger {
  const options = {
    level,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return stream ? pino(options, stream) : pino(options);
}
