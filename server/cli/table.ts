import { printable, type Terminal } from './output.ts';
import { folded, pad, widthOf } from './width.ts';

export type Cell = string | number | undefined;

const GAP = '  ';
/** Columns of sentences are folded to no less than this width. */
const NARROWEST = 20;

/**
 * Rows in columns under their headings, numbers to the right. On a narrow terminal sentences are folded; if that is not enough, each row becomes
 * a block of lines, so that ids stay whole. Without a terminal each row is one line.
 */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], terminal: Terminal): string[] {
  const texts = rows.map((row) => headings.map((_, column) => textOf(row[column])));
  const natural = headings.map((heading, column) =>
    Math.max(widthOf(heading), ...texts.map((row) => widthOf(row[column] ?? ''))),
  );
  const widths = terminal.isTty ? fittedWidths(natural, texts, terminal.columns) : natural;
  if (widths === undefined) return blocks(headings, texts);
  const isNumber = headings.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  return [headings, ...texts].flatMap((cells) => {
    const parts = cells.map((cell, column) => folded(cell, widths[column] ?? 0));
    const height = Math.max(...parts.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      parts
        .map((part, column) => pad(part[line] ?? '', widths[column] ?? 0, isNumber[column] === true))
        .join(GAP)
        .trimEnd(),
    );
  });
}

/** Column widths that fit side by side, with the widest sentences folded; undefined if they cannot fit. */
function fittedWidths(natural: readonly number[], texts: readonly string[][], columns: number): number[] | undefined {
  const widths = [...natural];
  const excess = (): number => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns;
  const isFoldable = natural.map((width, i) => width > NARROWEST && texts.some((row) => isSentence(row[i] ?? '')));
  while (excess() > 0) {
    const foldable = widths.flatMap((width, i) => (isFoldable[i] && width > NARROWEST ? [width] : []));
    const widest = Math.max(...foldable);
    if (foldable.length === 0) return undefined;
    const i = widths.findIndex((width, at) => isFoldable[at] && width === widest);
    // Narrow it to the width of the next one, so that all become narrow evenly.
    const next = Math.max(NARROWEST, ...foldable.filter((width) => width < widest));
    widths[i] = Math.max(next, widest - excess());
  }
  return widths;
}

/** Texts of more than three words: ids have one, times have three. */
const isSentence = (text: string): boolean => text.split(' ').length > 3;

/** Each row as lines of `HEADING  value`, with an empty line between rows. */
function blocks(headings: readonly string[], texts: readonly (readonly string[])[]): string[] {
  const width = Math.max(...headings.map(widthOf));
  return texts.flatMap((row, i) => [
    ...(i > 0 ? [''] : []),
    ...headings.map((heading, column) => `${pad(heading, width)}${GAP}${row[column] ?? ''}`),
  ]);
}

function textOf(cell: Cell): string {
  if (cell === undefined) return '-';
  return typeof cell === 'number' ? number(cell) : printable(cell.replace(/\s+/g, ' '));
}

/** 1234567 as people write it: 1,234,567. */
export const number = (value: number): string => value.toLocaleString('en-US');
