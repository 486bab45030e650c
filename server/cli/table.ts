import { printable, type Terminal } from './output.ts';

export type Cell = string | number | undefined;

/** Rows under their headings, in columns; numbers to the right. On a terminal a line is cut where the window ends. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], terminal: Terminal): string[] {
  const texts = rows.map((row) => headings.map((_, column) => textOf(row[column])));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => lengthOf(row[column] ?? ''))),
  );
  const isNumber = headings.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) => pad(cell, widths[column] ?? 0, isNumber[column] === true));
    return cut(padded.join('  ').trimEnd(), terminal);
  };
  return [line(headings), ...texts.map(line)];
}

/** A line as far as the window shows it. */
export function cut(text: string, { isTty, columns }: Pick<Terminal, 'isTty' | 'columns'>): string {
  const characters = [...text];
  return isTty && characters.length > columns ? `${characters.slice(0, Math.max(1, columns - 1)).join('')}…` : text;
}

/** The text with blanks up to a width. */
export function pad(text: string, width: number, toTheRight = false): string {
  const blanks = ' '.repeat(Math.max(0, width - lengthOf(text)));
  return toTheRight ? blanks + text : text + blanks;
}

const lengthOf = (text: string): number => [...text].length;

function textOf(cell: Cell): string {
  if (cell === undefined) return '-';
  return typeof cell === 'number' ? number(cell) : printable(cell.replace(/\s+/g, ' '));
}

/** 1234567 as people write it: 1,234,567. */
export const number = (value: number): string => value.toLocaleString('en-US');
