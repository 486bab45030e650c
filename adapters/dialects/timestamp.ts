import { saysNothing } from './fields.ts';

const DAY_MS = 24 * 3_600_000;
/** Shopify opened in 2006: an earlier year is a clock that was never set. */
const EARLIEST_MS = Date.UTC(2000);
/** Longer texts are no times and are not parsed. */
const LONGEST = 100;

/** Why a client's time is not used. */
export type WrongTime = 'unreadable' | 'digits' | 'too_early' | 'too_late';

/** The time of an event in ISO 8601 and UTC, and its source. */
export interface When {
  readonly timestamp: string;
  readonly timestamp_source: 'client' | 'received';
}

// The format of nearly every client and of the model, for days that exist in every month.
const AS_IT_IS = /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z$/;

// Compared as text: Date takes four times as long. Not after the receipt means not too late.
const isPlain = (value: unknown, received: string): value is string =>
  typeof value === 'string' && AS_IT_IS.test(value) && value <= received;

/**
 * The time of an event: the client's if it can be read and is plausible (from the year 2000 to a day after receipt), else the time
 * of receipt. A wrong clock is no reason to refuse an event. `received`: `receivedAt` in ISO 8601.
 */
export function whenOf(value: unknown, receivedAt: number, received: string): When {
  if (isPlain(value, received))
    return { timestamp: value.length === 24 ? value : `${value.slice(0, 19)}.000Z`, timestamp_source: 'client' };
  const read = plausible(value, receivedAt);
  return typeof read === 'number'
    ? { timestamp: iso(read), timestamp_source: 'client' }
    : { timestamp: received, timestamp_source: 'received' };
}

/** Why the client's time is not used; undefined if it is used, or if none was sent. */
export function wrongTime(value: unknown, receivedAt: number, received: string): WrongTime | undefined {
  if (isPlain(value, received)) return undefined;
  const read = plausible(value, receivedAt);
  return typeof read === 'number' || read === 'absent' ? undefined : read;
}

/** What is kept of an event, including the client's time if that is not used. */
export const withUnusedTime = (
  rest: Record<string, unknown> | undefined,
  sent: unknown,
  { timestamp_source }: When,
): Record<string, unknown> | undefined =>
  timestamp_source === 'client' || saysNothing(sent) ? rest : { ...rest, timestamp: sent };

/** ISO 8601 in UTC. */
export const iso = (ms: number): string => new Date(ms).toISOString();

/** Milliseconds since 1970, or why the value is not used. */
function plausible(value: unknown, receivedAt: number): number | WrongTime | 'absent' {
  const read = milliseconds(value);
  if (typeof read === 'string') return read;
  if (read < EARLIEST_MS) return 'too_early';
  return read > receivedAt + DAY_MS ? 'too_late' : read;
}

// Date checks the days of a month: it rolls over.
const COMMON = /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,3})?Z$/;

function milliseconds(value: unknown): number | 'absent' | 'unreadable' | 'digits' {
  if (value === undefined || value === null || value === '') return 'absent';
  if (typeof value === 'number') return fromNumber(value);
  if (typeof value !== 'string' || value.length > LONGEST) return 'unreadable';
  if (COMMON.test(value)) return Date.parse(value);
  const text = plainText(value);
  // A number as text, perhaps with a fraction. Eight digits are a compact date.
  if (/^[+-]?\d+(?:\.\d+)?$/.test(text) && !/^\d{8}$/.test(text)) return fromNumber(Number(text));
  return fromIso(text) ?? fromWords(text) ?? 'unreadable';
}

/**
 * Milliseconds have 12 or 13 digits from 1973 to 2286. Other numbers (seconds, microseconds, nanoseconds) are not guessed: a wrong guess would
 * go unnoticed.
 */
const fromNumber = (value: number): number | 'digits' => (value >= 1e11 && value < 1e13 ? Math.floor(value) : 'digits');

const ISO =
  /^(\d{4})(-?)(\d\d)\2(\d\d)(?:(?:T| {1,3})(\d{1,2}):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?\s*([ap]\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?$/i;
/** An offset followed by the zone's name, as Temporal writes it. */
const ZONED = /^([^[]*(?:Z|[+-]\d\d(?::?\d\d)?))(?:\[[\w/+:=!-]+\])+$/i;

/**
 * ISO 8601, also compact, with a comma before the fraction, with AM or PM, and with the name of its zone after the offset. Without an offset it
 * is UTC.
 */
function fromIso(text: string): number | undefined {
  const found = ISO.exec(ZONED.exec(text)?.[1] ?? text);
  if (!found) return undefined;
  const [, year, , month, day, hour = '0', minute = '0', second = '0', fraction = '', half, zone = 'Z'] = found;
  const [months, days, minutes, seconds] = [month, day, minute, second].map(Number) as [number, number, number, number];
  if (months < 1 || months > 12 || days < 1 || days > 31 || minutes > 59 || seconds > 60) return undefined;
  const hours = hoursOf(Number(hour), half);
  const offset = offsetMs(zone);
  if (hours === undefined || offset === undefined || (hours === 24 && minutes + seconds > 0)) return undefined;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  return Date.UTC(Number(year), months - 1, days, hours, minutes, seconds, ms) - offset;
}

function hoursOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour <= 24 ? hour : undefined;
  return hour >= 1 && hour <= 12 ? (hour % 12) + (/^p/i.test(half) ? 12 : 0) : undefined;
}

/** No zone is further from UTC than this, in hours; the largest today is 14. */
const FURTHEST = 18;

function offsetMs(zone: string): number | undefined {
  const [, sign, hours, minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  if (Number(hours) > FURTHEST || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

const WORDS =
  /^(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|[ap]m|utc?|gmt|z|t|[ecmp][sd]t)$/i;

/**
 * RFC 2822, what Date writes, and whatever else Date reads, if the text names its year in four digits and has no other words in it: Date
 * takes "product 2026" for a day too.
 */
function fromWords(text: string): number | undefined {
  const plain = text.replace(/ *\([^()]*\)$/, '');
  const words = plain.match(/\p{L}+/gu) ?? [];
  if (!words.every((word) => WORDS.test(word))) return undefined;
  const ms = Date.parse(plain);
  if (Number.isNaN(ms)) return undefined;
  const years = plain.match(/(?<!\d)\d{4}(?!\d)/g) ?? [];
  // The year may differ between its own zone and UTC.
  const near = [ms - DAY_MS, ms + DAY_MS].map((at) => new Date(at).getUTCFullYear());
  return years.some((year) => near.includes(Number(year))) ? ms : undefined;
}

/** Removes direction marks, and converts blanks and digits to plain ones: browsers format dates for people with others. */
function plainText(text: string): string {
  if (!/[^ -~]/.test(text)) return text.trim();
  return text
    .replace(/[\u200e\u200f\u061c]/g, '')
    .replace(/\s/g, ' ')
    .replace(/\p{Nd}/gu, asciiDigit)
    .trim();
}

/** An Arabic, Persian, Devanagari … digit as 0 to 9. Unicode lays the ten of a script side by side, from its zero on. */
function asciiDigit(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  let zero = code;
  while (isDigit(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
}

const isDigit = (char: string): boolean => /\p{Nd}/u.test(char);
