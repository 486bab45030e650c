import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { outcomeOf } from '../../adapters/http/answer.ts';
import { waitAfter } from '../../server/deliver/retry.ts';
import { describe } from '../support/describe.ts';
import { tableOf } from '../support/readme.ts';

const page = readFileSync('server/deliver/README.md', 'utf8');

describe('server/deliver/README.md', ({ it }) => {
  it('waits as its table says', () => {
    const rows = tableOf(page, 'Failed attempts in a row');
    assert.is(rows.length, 6);
    for (const [attempts = '', wait = ''] of rows) {
      const failures = Number.parseInt(attempts, 10);
      const ms = Number.parseInt(wait, 10) * 1000;
      assert.is(
        waitAfter(failures, undefined, () => 0),
        ms,
      );
      assert.is(
        waitAfter(failures, undefined, () => 1),
        Math.max(1000, ms / 2),
      );
      if (attempts.endsWith('more'))
        assert.is(
          waitAfter(failures + 50, undefined, () => 0),
          ms,
        );
    }
    assert.equal(
      [0, 10 * 24 * 3_600_000].map((asked) => waitAfter(3, asked, () => 0)),
      [1000, 24 * 3_600_000],
    );
  });

  it('takes answers as its table says', () => {
    const kinds = {
      delivered: 'delivered',
      'a dead letter': 'rejected',
      'tried again': 'retry',
      'the pipeline': 'gone',
    };
    const rows = tableOf(page, "Answer of a webhook's receiver");
    assert.is(rows.length, 6);
    for (const [cell = '', happens = ''] of rows) {
      const [, kind] = Object.entries(kinds).find(([words]) => happens.startsWith(words)) ?? [];
      const counts = cell.endsWith('one event') ? [1] : cell.endsWith('several') ? [2, 100] : [1, 2, 100];
      for (const [status = ''] of cell.matchAll(/\b\d(\d\d|xx)/g))
        for (const events of counts) {
          const answer = { status: Number(status.replace('xx', '07')), retryAfter: null, location: null, text: '' };
          assert.is(outcomeOf(answer, events, 0, []).kind, kind, `${status} to ${events}: ${happens}`);
        }
    }
  });
});
