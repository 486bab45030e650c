/**
 * Texts that programs write if they have no id, in lower case, without brackets and quotes: the missing values of JavaScript, Python, Go,
 * Objective-C and PHP, the guest of shop systems (`0`, `-1`), and what other collectors also refuse.
 */
const WORDS: ReadonlySet<string> = new Set([
  ...['', 'undefined', 'null', 'nan', 'none', 'nil', 'true', 'false', '-1', '-'],
  ...['n/a', 'na', 'unknown', 'anon', 'anonymous', 'guest', 'not set', 'not_set'],
]);
/** `[object Object]`, `[object Promise]` … */
const OBJECT = /^object [a-z]+$/;
/** Zero, the nil UUID, all-zero device ids, and the max UUID: no generator makes them. */
const NO_UUID = /^(?:0[0-]*|f{8}-?f{4}-?f{4}-?f{4}-?f{12})$/;
/** An unfilled template. */
const TEMPLATE = /^(?:\{\{.*\}\}|\$\{.*\}|<%.*%>|\{%.*%\}|%%.*%%|\[\[.*\]\])$/s;
const GID = /^gid:\/\/shopify\/[a-z]+\//;
const AROUND = /^[\s"'`([{<]+|[\s"'`)\]}>]+$/g;
/** A UUID of another first digit than those above, or another long text of letters and digits. */
const LONG = 32;
/** Longer than any word: ULIDs, hashes. Or digits. */
const ORDINARY = /^(?:(?:[1-9a-eg-z]|0[1-9a-z])[\w-]{15,}|[1-9]\d*)$/i;
const LONGEST = 200;

/** Whether a text stands for a missing id. Ids such as "undefined" would make one shopper of many, and a duplicate of every second event. */
export function isPlaceholder(value: string): boolean {
  if (value.length > LONG ? isOrdinary(value) : ORDINARY.test(value)) return false;
  const plain = value.trim().toLowerCase();
  // The patterns below may visit each character more than once.
  if (plain.length > LONGEST) return false;
  if (TEMPLATE.test(plain)) return true;
  const bare = plain.replace(GID, '').replace(AROUND, '');
  return WORDS.has(bare) || OBJECT.test(bare) || NO_UUID.test(bare);
}

/** By its ends alone, which is what most ids need: a letter or a digit, and at the beginning none with which the patterns begin. */
function isOrdinary(value: string): boolean {
  const first = value.charCodeAt(0) | CASE;
  const begins = isLetter(first)
    ? first !== F && first !== G
    : isDigit(first) && (first !== ZERO || !/^0[0-]/.test(value));
  const last = value.charCodeAt(value.length - 1) | CASE;
  return begins && (isLetter(last) || isDigit(last));
}

/** The bit by which small letters differ from capital ones; digits have it. */
const CASE = 32;
const [ZERO, NINE, A, F, G, Z] = [48, 57, 97, 102, 103, 122];
const isLetter = (code: number): boolean => code >= A && code <= Z;
const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;
