import * as assert from 'uvu/assert';
import { table } from '../../../server/cli/table.ts';
import { terminalOf } from '../../../server/cli/terminal.ts';
import { cut, folded, pad, widthOf } from '../../../server/cli/width.ts';
import { describe } from '../../support/describe.ts';

const at = (columns: number, isTty = true) => ({ isTty, columns }) as Parameters<typeof table>[2];
const ID = '018f3c9e-7d7b-7c1e-9a33-0c8f6f2b1f5a';
const reason = 'HTTP 400 the property price is missing from the first of the products of this event';
const rows = [
  [ID, 'demo.myshopify.com', 5, reason],
  ['e-2', '店舗.example', 12_345, 'HTTP 422'],
];
const headings = ['EVENT', 'SHOP', 'ATTEMPTS', 'REASON'];
const widest = (lines: readonly string[]) => Math.max(...lines.map(widthOf));

describe('a table', ({ it }) => {
  it('has a line for each row, however long, where nobody looks', () => {
    const lines = table(headings, rows, at(40, false));
    assert.is(lines.length, 3);
    assert.ok(lines[1]?.endsWith(reason));
  });

  it('folds sentences where the window is narrower, and keeps ids whole', () => {
    const lines = table(headings, rows, at(110));
    assert.ok(widest(lines) <= 110, String(widest(lines)));
    assert.ok(lines.length > 3);
    assert.match(lines[1] ?? '', new RegExp(`^${ID}  demo\\.myshopify\\.com  `));
    assert.match(lines.join(' ').replace(/\s+/g, ' '), /first of the products/);
  });

  it('shows each row as a block where even that is too wide', () => {
    const lines = table(headings, rows, at(60));
    assert.equal(lines.slice(0, 6), [
      `EVENT     ${ID}`,
      'SHOP      demo.myshopify.com',
      'ATTEMPTS  5',
      `REASON    ${reason}`,
      '',
      'EVENT     e-2',
    ]);
  });

  it('stands right with characters that take two columns', () => {
    const [, first, second] = table(
      ['A', 'B'],
      [
        ['店舗', 'x'],
        ['ab', 'y'],
      ],
      at(80),
    );
    assert.equal([first, second], ['店舗  x', 'ab    y']);
    assert.is(widthOf(first ?? ''), widthOf(second ?? ''));
  });

  it('is as it was where it fits', () => {
    assert.equal(table(['A', 'COUNT'], [['x', 1234]], at(80)), ['A  COUNT', 'x  1,234']);
    assert.equal(table(['A'], [], at(80)), ['A']);
  });
});

describe('the width of a text', ({ it }) => {
  it('is what a terminal shows', () => {
    assert.equal(['a', '店', 'é', 'e\u0301', '👩‍👩‍👧', ''].map(widthOf), [1, 2, 1, 1, 2, 0]);
    assert.is(pad('店', 4), '店  ');
    assert.is(pad('店', 4, true), '  店');
  });

  it('cuts without tearing what is seen as one character', () => {
    assert.is(cut('店舗店舗', at(4)), '店…');
    assert.is(cut('店舗', at(4)), '店舗');
    assert.is(cut('a👩‍👩‍👧b', at(3)), 'a…');
    assert.is(cut('abc', at(2, false)), 'abc');
  });

  it('folds between words, and breaks those that are too long', () => {
    assert.equal(folded('one two three', 7), ['one two', 'three']);
    assert.equal(folded('abcdefgh ij', 3), ['abc', 'def', 'gh', 'ij']);
    assert.equal(folded('店舗店', 4), ['店舗', '店']);
    assert.equal(folded('', 3), ['']);
    assert.equal(folded('👩‍👩‍👧', 1), ['👩‍👩‍👧']);
  });
});

describe('the terminal of a process', ({ it }) => {
  const process = (columns: number | undefined) =>
    ({
      stdin: {},
      stderr: { on: () => {} },
      stdout: { isTTY: true, columns, on: () => {} },
    }) as unknown as NodeJS.Process;

  it('is as wide as it says, else as COLUMNS does', () => {
    assert.is(terminalOf(process(120), { COLUMNS: '90' }).columns, 120);
    assert.is(terminalOf(process(undefined), { COLUMNS: '90' }).columns, 90);
    assert.is(terminalOf(process(0), { COLUMNS: 'wide' }).columns, 80);
  });
});
