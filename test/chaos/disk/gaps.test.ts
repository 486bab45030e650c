import * as assert from 'uvu/assert';
import type { Balance } from '../../../server/operations.ts';
import { describe } from '../../support/describe.ts';
import { booksAgree } from '../database/books.ts';
import { withoutGaps } from './gaps.ts';

const [shop, pipeline] = ['one', 'hook'];
const received = ['a', 'b', 'c'].map((id, n) => ({
  id,
  n,
  shop,
  lane: 'lane0',
  crc: 0,
  destination: `${shop}/${pipeline}`,
}));
const books = (appended: number, delivered: number, corrupt: number): Balance =>
  ({
    balanced: true,
    shops: [{ shop, received: appended, appended, duplicate: 0, quarantined: {}, difference: 0 }],
    pipelines: [
      { shop, pipeline, appended, delivered, dead: 0, filtered: {}, dropped: { corrupt }, pending: 0, difference: 0 },
    ],
  }) as unknown as Balance;
const agree = (balance: Balance) => booksAgree(withoutGaps(balance), received, [{ shop, pipeline }]).passed;

describe('books with gaps', ({ it }) => {
  it('agree where what is missing is what nobody was promised', () => {
    assert.ok(agree(books(3, 3, 0)));
    assert.ok(agree(books(5, 3, 2)));
  });

  it('do not agree where something else is missing', () => {
    assert.not(agree(books(5, 3, 1)));
    assert.not(agree(books(4, 4, 0)));
  });
});
