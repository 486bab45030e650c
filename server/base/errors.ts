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

/** What was named does not exist. */
export class NotFound extends Error {}
/** The order has to wait for another one. */
export class Busy extends Error {}
/** The order is wrong; the message says what was expected and what came. */
export class BadOrder extends Error {}
