/** The environment or the configuration cannot be used. Lists every mistake found, without secrets. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[], options?: ErrorOptions) {
    const [only = ''] = mistakes;
    const list = mistakes.map((mistake) => `\n  - ${mistake}`).join('');
    super(`Cannot start:${mistakes.length === 1 ? ` ${only}` : list}`, options);
    this.name = 'ConfigError';
    this.mistakes = mistakes;
  }
}

interface KnownErrorOptions extends ErrorOptions {
  readonly retryAfterSeconds?: number;
}

/** An error whose message may be shown to the client, with an HTTP status. Every other error is a fault and goes only into the log lines. */
export class KnownError extends Error {
  /** Short stable word. */
  readonly code: string;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: string, status: number, message: string, options?: KnownErrorOptions) {
    super(message, options);
    this.name = 'KnownError';
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}

/** What the request names does not exist. */
export class NotFound extends KnownError {
  constructor(message: string) {
    super('not_found', 404, message);
  }
}

/** Another order must end first. */
export class Busy extends KnownError {
  constructor(message: string) {
    super('busy', 409, message);
  }
}

/** The order is wrong. The message says what was expected and what came. */
export class BadOrder extends KnownError {
  constructor(message: string) {
    super('bad_order', 400, message);
  }
}

/** The body is not readable JSON. */
export class BodyRefused extends KnownError {
  constructor(status: 400 | 413 | 415, message: string) {
    super('body', status, message);
  }
}

/** The tail has no room for another reader. */
export class TooManyReaders extends KnownError {
  constructor(message: string) {
    super('too_many_readers', 503, message, { retryAfterSeconds: 10 });
  }
}
