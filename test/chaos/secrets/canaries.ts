import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text that stands nowhere by chance. */
export const canary = (slot: string): string => `canary-${slot}-${'7f3a9c51e8'.repeat(4)}`;
const signing = (slot: string): string => `whsec_${Buffer.from(canary(slot).slice(0, 40)).toString('base64')}`;

/** What nobody may read anywhere, by where it is kept or sent. */
export const secrets = {
  'a storefront token': canary('storefront'),
  'a token in rotation': canary('rotation'),
  'the plaintext of a digest': canary('digest'),
  'a server token': canary('server'),
  'the admin token': canary('admin'),
  'a signing secret': signing('current'),
  'the secret before it': signing('before'),
  'a header of a destination': canary('header'),
  'another header of a destination': canary('key'),
  'a query of a destination': canary('query'),
  'a user of a URL': canary('userinfo'),
  'the password of a database': canary('database'),
  'an unknown token': canary('unknown'),
  'a wrong admin token': canary('guess'),
  'a cookie': canary('cookie'),
  'a referrer': canary('referrer'),
} as const;

/** Something that came out: as text, or as a file that is read when it is searched. */
export type Seen = { readonly where: string } & ({ readonly text: string } | { readonly file: string });

/** Which secrets stand where, in any of the ways in which they are written: as they are, in an address, in base64, decoded. */
export function leaks(seen: readonly Seen[], wanted: Readonly<Record<string, string>>): string[] {
  const forms = Object.entries(wanted).map(([name, secret]) => [name, formsOf(secret)] as const);
  return seen.flatMap((one) => {
    const text = textOf(one);
    return forms.flatMap(([name, written]) =>
      written.some((form) => text.includes(form)) ? [`${name} in ${one.where}: …${around(text, written)}…`] : [],
    );
  });
}

export const textOf = (seen: Seen): string =>
  'file' in seen ? withoutEnvironment(readFileSync(seen.file, 'latin1')) : seen.text;

function formsOf(secret: string): string[] {
  const decoded = secret.startsWith('whsec_')
    ? [secret.slice(6), Buffer.from(secret.slice(6), 'base64').toString()]
    : [];
  return [secret, encodeURIComponent(secret), ...inBase64(secret), ...decoded];
}

/** How a text looks in base64, which goes by groups of three bytes, behind any number of others. The groups at its ends depend on what stands beside it. */
const inBase64 = (text: string): string[] =>
  [0, 1, 2].map((before) =>
    Buffer.from('.'.repeat(before) + text)
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );

function around(text: string, forms: readonly string[]): string {
  const at = Math.max(...forms.map((form) => text.indexOf(form)));
  return text.slice(Math.max(0, at - 60), at).replaceAll(/\s+/g, ' ');
}

/** A diagnostic report of Node, and of each thread in it, lists the environment unless it is told not to, which Node 20 cannot be; the rest of it is ours. */
function withoutEnvironment(text: string): string {
  if (!text.includes('"environmentVariables"')) return text;
  return JSON.stringify(JSON.parse(text, (key, value) => (key === 'environmentVariables' ? undefined : value)));
}

/** Every file below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
