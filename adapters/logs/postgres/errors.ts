/** An error as it may be written down. */
export type Plain = Error & { readonly code?: string };

/** What the database says about a value quotes it: it may be a shopper's. */
const ABOUT_VALUES = /^22/;

/**
 * What went wrong, without what drivers add: details, contexts and statements, which hold the values of rows and parameters. Keeps the
 * code, by which faults are told apart.
 */
export function plain(error: unknown): Plain {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const said = ABOUT_VALUES.test(code ?? '') ? `a value was refused (${code})` : message || reasonsIn(error);
  return Object.assign(new Error(`PostgreSQL: ${said}`), { ...(code !== undefined && { code }) });
}

/** Where several addresses of a host were tried, the error itself says nothing. */
function reasonsIn(error: unknown): string {
  const { errors = [], code } = error as { readonly errors?: readonly Error[]; readonly code?: string };
  return errors.map(({ message }) => message).join(', ') || code || 'it does not answer';
}

const NONE_LEFT = '53300';

/** Several failures as one, as a database says it that was tried in several ways. */
export function joined(failures: readonly Plain[]): Plain {
  const codes = failures.flatMap(({ code }) => code ?? []);
  const code = codes.includes(NONE_LEFT) ? NONE_LEFT : codes.at(-1);
  const said = [...new Set(failures.map(({ message }) => message.replace(/^PostgreSQL: /, '')))].join(
    '; and otherwise: ',
  );
  return Object.assign(new Error(said), { ...(code !== undefined && { code }) });
}
