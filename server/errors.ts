/** What was named does not exist. */
export class NotFound extends Error {}
/** The order must wait for another one. */
export class Busy extends Error {}
/** The order makes no sense; the message says what was expected and what came. */
export class BadOrder extends Error {}
