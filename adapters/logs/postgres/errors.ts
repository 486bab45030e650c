/** An error that may be logged. */
export type Plain = Error & { readonly code?: string };

/** Error classes whose messages quote values, perhaps a shopper's. */
const ABOUT_VALUES = /^22/;

/**
 * The error without what drivers add: details, contexts and statements hold values of rows and parameters. Keeps the code, which tells errors
 * apart.
 */
export function plain(error: unknown): Plain {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const said = ABOUT_VALUES.test(code ?? '') ? `a value was refused (${code})` : message || reasonsIn(error);
  return Object.assign(new Error(`PostgreSQL: ${said}`), { ...(code !== undefined && { code }) });
}

/** If several addresses of a host were tried, only the inner errors have messages. */
function reasonsIn(error: unknown): string {
  const { errors = [], code } = error as { readonly errors?: readonly Error[]; readonly code?: string };
  return errors.map(({ message }) => message).join(', ') || code || 'it does not answer';
}

const NONE_LEFT = '53300';

/** Joins several failures into one, for a database that was tried in several ways. */
export function joined(failures: readonly Plain[]): Plain {
  const codes = failures.flatMap(({ code }) => code ?? []);
  const code = codes.includes(NONE_LEFT) ? NONE_LEFT : codes.at(-1);
  const said = [...new Set(failures.map(({ message }) => message.replace(/^PostgreSQL: /, '')))].join(
    '; and otherwise: ',
  );
  return Object.assign(new Error(said), { ...(code !== undefined && { code }) });
}
