import stringWidth from 'string-width';
import type { Terminal } from './output.ts';

const graphemes = new Intl.Segmenter();

/** The width of a text in terminal columns: an ideograph or an emoji takes two. */
export const widthOf = (text: string): number => stringWidth(text);

/** A line, cut to the width of the terminal. */
export function cut(text: string, { isTty, columns }: Pick<Terminal, 'isTty' | 'columns'>): string {
  return isTty && widthOf(text) > columns ? `${split(text, Math.max(0, columns - 1))[0]}…` : text;
}

/** The text, padded to a width. */
export function pad(text: string, width: number, toTheRight = false): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return toTheRight ? blanks + text : text + blanks;
}

/** Folds a text into lines of at most this width, between words; a longer word is broken. */
export function folded(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    let rest = word;
    while (widthOf(rest) > width) {
      const [start, end] = split(rest, width);
      lines.push(start);
      rest = end;
    }
    line = rest;
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}

/** Splits a text at a width, after at least one character. Never splits what is seen as one character. */
function split(text: string, width: number): [start: string, end: string] {
  let start = '';
  let taken = 0;
  for (const { segment } of graphemes.segment(text)) {
    const own = widthOf(segment);
    if (taken + own > width && start !== '') break;
    taken += own;
    start += segment;
  }
  return [start, text.slice(start.length)];
}
