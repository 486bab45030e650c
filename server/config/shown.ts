import type { TSchema } from 'typebox';

const LONGEST_SHOWN = 80;

/** Whether values of this schema are secrets. */
export const isSensitive = (schema: TSchema): boolean => 'sensitive' in schema && schema.sensitive === true;

/** A value as a message may show it: short, of a secret only the length, of a URL only the address. */
export function shown(value: unknown, secret: boolean): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (secret) return typeof value === 'string' ? `${value.length} characters` : `a ${typeof value}`;
  if (typeof value !== 'string') return String(value);
  const plain = withoutCredentials(value);
  return JSON.stringify(plain.length > LONGEST_SHOWN ? `${plain.slice(0, LONGEST_SHOWN)}…` : plain);
}

/**
 * A URL without user, password, query and fragment. An invalid URL may have its password anywhere, so only its scheme is kept. Other text
 * stays as it is.
 */
export function withoutCredentials(text: string): string {
  const [, scheme = '', rest = ''] = /^\s*([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? [];
  if (!rest.startsWith('//')) return /^postgres(ql)?$/i.test(scheme) ? `${scheme}:…` : text;
  const plain = `${scheme}:${rest.replace(/^\/\/.*@/s, '//').replace(/[?#].*$/s, '')}`;
  return URL.canParse(plain) ? plain : `${scheme}://…`;
}
