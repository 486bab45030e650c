import type { Consent } from '../../schemas/event.ts';
import { saysNothing } from './fields.ts';
import { absent, type Json, object, withoutUndefined } from './values.ts';
import { cut } from './words.ts';

/**
 * The names of each purpose in Shopify's pixels, Hydrogen, the Storefront API, Checkout Kit and Shopify's customer privacy API. Case,
 * underscores, hyphens, dots and blanks do not matter. Each name says what is allowed, also for the sale of data.
 */
const spellings = {
  analytics: ['analyticsProcessingAllowed', 'analyticsAllowed', 'analytics', 'analyticsProcessing'],
  marketing: ['marketingAllowed', 'marketing'],
  preferences: ['preferencesProcessingAllowed', 'preferencesAllowed', 'preferences', 'preferencesProcessing'],
  sale_of_data: ['saleOfDataAllowed', 'saleOfData', 'sale_of_data'],
} as const;
export type Purpose = keyof typeof spellings;

const plain = (key: string): string => key.replace(/[\s._-]/g, '').toLowerCase();

const purposes = new Map<string, Purpose>(
  Object.entries(spellings).flatMap(([purpose, names]) =>
    names.flatMap((name) => [name, plain(name)].map((key) => [key, purpose as Purpose] as const)),
  ),
);

/** The purpose that a key names, in any spelling. Most keys have the spelling above. */
const purposeOf = (key: string): Purpose | undefined => purposes.get(key) ?? purposes.get(plain(key));

/** What the shopper allows, as far as the client stated it. */
export interface Stated {
  readonly consent?: Consent;
  /** Purposes that count as denied because the value was not understood, each with what was sent, cut to 40 characters. */
  readonly consent_unclear?: Readonly<Partial<Record<Purpose, string>>>;
}

/**
 * Reads a shopper's consent from all places where it may be. A value that is not clearly a yes is a no; null and the empty text state nothing. A
 * purpose with different statements is denied.
 */
export function consentIn(...sent: readonly unknown[]): Stated {
  const stated = sent.flatMap((one) => Object.entries(choicesIn(one) ?? {}).flatMap(statements));
  if (stated.length === 0) return {};
  const choices: Partial<Record<Purpose, Choice>> = {};
  const unclear: Partial<Record<Purpose, string>> = {};
  for (const [key, value] of stated) {
    const purpose = purposeOf(key);
    const chosen = purpose && choice(value);
    if (purpose === undefined || chosen === undefined) continue;
    choices[purpose] = firmer(choices[purpose], chosen);
    if (chosen === 'unclear') unclear[purpose] ??= seen(value);
  }
  const about = <T>(read: (chosen: Choice | undefined, purpose: Purpose) => T | undefined) => {
    const found = withoutUndefined({
      analytics: read(choices.analytics, 'analytics'),
      marketing: read(choices.marketing, 'marketing'),
      preferences: read(choices.preferences, 'preferences'),
      sale_of_data: read(choices.sale_of_data, 'sale_of_data'),
    });
    return Object.keys(found).length > 0 ? found : undefined;
  };
  return withoutUndefined({
    consent: about((chosen) => chosen && chosen === 'yes'),
    consent_unclear: about((chosen, purpose) => (chosen === 'unclear' ? unclear[purpose] : undefined)),
  });
}

type Statement = readonly [key: string, value: unknown];

/**
 * The statements of an entry. An object under a name that is no purpose, such as `{ consent: { marketing: "no" } }`, states only what it denies:
 * a yes in it may be about something else.
 */
function statements(entry: Statement): readonly Statement[] {
  const inner = purposeOf(entry[0]) === undefined ? object(entry[1]) : undefined;
  return inner ? Object.entries(inner).filter(([, value]) => choice(value) !== 'yes') : [entry];
}

/**
 * The parts of a shopper's consent that the model does not hold, as sent: other keys, values that were not understood, and a yes that a no
 * overrules. `stated`: how the values were read.
 */
export function unread(sent: unknown, { consent = {} }: Stated = consentIn(sent)): unknown {
  if (isWord(sent)) return sent;
  const entries = Object.entries(choicesIn(sent) ?? {}).filter(([key, value]) => {
    const purpose = purposeOf(key);
    const chosen = choice(value);
    return purpose === undefined || chosen === 'unclear' || (chosen === 'yes' && consent[purpose] === false);
  });
  if (entries.length === 0) return undefined;
  return object(sent) ? Object.fromEntries(entries) : sent;
}

/**
 * The choices by name. Checkout Kit on Android sends them as JSON text. A single word or a list names no purpose, and must not count as silence:
 * it is about all of them.
 */
function choicesIn(sent: unknown): Json | undefined {
  const choices = named(sent);
  if (choices || !isWord(sent)) return choices;
  // "yes" is not understood here: it does not say to what.
  const about = choice(sent) === 'no' || typeof sent === 'object' ? sent : [sent];
  return Object.fromEntries(Object.keys(spellings).map((purpose) => [purpose, about]));
}

const named = (sent: unknown): Json | undefined => object(typeof sent === 'string' ? parsed(sent) : sent);

/** Whether it states something without naming a purpose. */
const isWord = (sent: unknown): boolean =>
  !saysNothing(sent) && choice(sent) !== undefined && named(sent) === undefined;

/** In characters. Longer texts are no choices, and a text of this length cannot nest too deeply to be serialised. */
const LONGEST_TEXT = 1000;

function parsed(sent: string): unknown {
  if (!sent.trimStart().startsWith('{') || sent.length > LONGEST_TEXT) return undefined;
  try {
    return JSON.parse(sent);
  } catch {
    return undefined;
  }
}

type Choice = 'yes' | 'no' | 'unclear';

/** Of two statements about one purpose, the one that wins. */
const firmer = (one: Choice | undefined, other: Choice): Choice =>
  one === 'no' || other === 'no' ? 'no' : one === 'unclear' || other === 'unclear' ? 'unclear' : 'yes';

const YES = /^(?:true|1|yes|granted|allowed|accepted)$/i;
const NO = /^(?:false|0|no|denied|not[ _-]?allowed|disallowed|declined|rejected|refused|opt(?:ed)?[ _-]?out)$/i;

function choice(value: unknown): Choice | undefined {
  if (absent(value)) return undefined;
  if (typeof value === 'object') return 'unclear';
  const word = String(value).trim();
  if (word === '') return undefined;
  if (YES.test(word)) return 'yes';
  return NO.test(word) ? 'no' : 'unclear';
}

const seen = (value: unknown): string => cut(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
