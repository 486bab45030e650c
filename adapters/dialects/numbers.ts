// A string, so that what looks like a number inside of it is left alone, or a number. A string that does not end reaches to the end of the
// text: it would be begun anew at each of its quotes otherwise.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const LONG = /\d{16}/;
const WHOLE = /^-?\d{16,}$/;

/**
 * A JSON text in which whole numbers that a double cannot hold are texts of their digits: JSON.parse would round 820982911946154508, and two
 * ids would become one. The text need not be valid JSON.
 */
export function exactNumbers(text: string): string {
  if (!LONG.test(text)) return text;
  return text.replace(TOKENS, (token) =>
    WHOLE.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}
