import * as assert from 'uvu/assert';
import { placesOf } from '../../../server/base/places.ts';
import { describe } from '../../support/describe.ts';

describe('where an error comes from', ({ it }) => {
  it('is told without what it says, line by line', () => {
    const places = placesOf(new Error('a token\nat least'));
    assert.ok(places.length > 1);
    assert.match(places[0] ?? '', /^at .*places\.test\.ts:\d+/);
    assert.not.match(places.join(), 'token');
    assert.equal(placesOf('no error'), []);
  });
});
