import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { createEnricher } from '../../../../server/ingest/enrich/enrich.ts';
import { describe } from '../../../support/describe.ts';

/** Browsers inside the apps of social networks, with a person behind each; and crawlers of the same networks. */
const { people, bots }: { readonly people: readonly string[]; readonly bots: readonly string[] } = JSON.parse(
  readFileSync('test/fixtures/enrich/in-app.json', 'utf8'),
);
const enrich = createEnricher({ geoHeaders: [] });
const read = (userAgent: string) => enrich({ headers: { 'user-agent': userAgent } });

describe('a browser inside the app of a social network', ({ it }) => {
  it('is tried with at least forty', () => assert.ok(people.length >= 40, `only ${people.length}`));

  for (const userAgent of people) {
    it(`is a person on the web: ${userAgent}`, () => {
      const { channel, agent } = read(userAgent);
      assert.equal([channel, agent?.bot], ['web', false]);
      assert.ok(['iOS', 'Android', 'Mac OS'].includes(agent?.os ?? ''), agent?.os);
      assert.ok(['mobile', 'tablet', 'desktop'].includes(agent?.device ?? ''), agent?.device);
    });
  }

  for (const userAgent of bots) {
    it(`is none where a crawler says so: ${userAgent}`, () => assert.is(read(userAgent).agent?.bot, true));
  }
});
