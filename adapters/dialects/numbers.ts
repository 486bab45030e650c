// A string (so that numbers inside are left alone) or a number. An unterminated string reaches to the end of the text; otherwise the search
// would restart at each of its quotes.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
/** The same strings, and whole numbers of 16 digits or more. A body may have many other numbers. */
const LONG_TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"?|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/gs;

/**
 * Turns whole numbers that a double cannot hold into texts of their digits: JSON.parse would round 820982911946154508, and two ids would become
 * one. Decimals and numbers with an exponent are no ids and stay numbers. The text need not be valid JSON.
 */
export function exactNumbers(text: string): string {
  if (!hasLongNumber(text)) return text;
  return text.replace(LONG_TOKENS, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`,
  );
}

const LONG = 16;

/** Whether a text has 16 digits in a row. It looks at the last place of 16 and jumps past the last other character, so it reads about one in nine. */
export function hasLongNumber(text: string): boolean {
  for (let end = LONG - 1; end < text.length; ) {
    let at = end;
    while (at > end - LONG && isDigit(text, at)) at -= 1;
    if (at === end - LONG) return true;
    end = at + LONG;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

const MAY_BE_INEXACT = /[\d.]{16}|\d[eE][+-]?\d/;

/**
 * Turns numbers that a double cannot tell from their neighbours into texts as written, so that different numbers are different contents. Numbers
 * of equal value stay equal: `1.0` is `1`.
 */
export function numbersAsWritten(text: string): string {
  if (!MAY_BE_INEXACT.test(text)) return text;
  return text.replace(TOKENS, (token) => (token.startsWith('"') || isExact(token) ? token : `"${decimal(token)}"`));
}

const isExact = (token: string): boolean =>
  (token.length < 16 && !/[eE]/.test(token)) || decimal(token) === decimal(String(Number(token)));

/** A number as its digits without outer zeros and its exponent; unchanged if the exponent is too long. */
function decimal(token: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  // A loop, since a pattern would restart at each of the zeros.
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  if (end === 0) return whole && '0';
  if (power.length > 12) return token;
  return `${sign}${digits.slice(0, end)}e${Number(power) + digits.length - end - fraction.length}`;
}
