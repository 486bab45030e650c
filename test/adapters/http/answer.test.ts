import * as assert from 'uvu/assert';
import { outcomeOf } from '../../../adapters/http/answer.ts';
import { describe } from '../../support/describe.ts';

describe('an answer', ({ it }) => {
  it('that asks for a time by its own clock is given so long, whatever ours says', () => {
    const theirs = Date.parse('2026-06-01T12:00:00Z');
    const retryAfter = new Date(theirs + 5_000).toUTCString();
    const answer = { status: 503, retryAfter, date: new Date(theirs).toUTCString(), location: null, text: '' };
    for (const days of [-30, 0, 30]) {
      const outcome = outcomeOf(answer, 1, theirs + days * 24 * 3_600_000, []);
      assert.is('afterMs' in outcome ? outcome.afterMs : undefined, 5_000);
    }
    const { date: _, ...undated } = answer;
    const outcome = outcomeOf(undated, 1, theirs + 1_000, []);
    assert.is('afterMs' in outcome ? outcome.afterMs : undefined, 4_000);
  });
});
