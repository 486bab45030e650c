import * as assert from 'uvu/assert';
import { consentIn, unread } from '../../../adapters/dialects/consent.ts';
import { describe } from '../../support/describe.ts';

const YES = [true, 1, '1', 'true', 'TRUE', 'yes', 'Yes', 'granted', 'allowed', 'Accepted', ' yes '];
const NO = [
  false,
  0,
  '0',
  'false',
  'no',
  'NO',
  'denied',
  'Not allowed',
  'declined',
  'rejected',
  'opted_out',
  'opt-out',
];
const UNCLEAR: readonly unknown[] = [
  'maybe',
  'y',
  2,
  -1,
  {},
  ['yes'],
  { toString: 1 },
  'undefined',
  'opt-in',
  'yes, but',
  'x'.repeat(40),
];
const SILENT = [undefined, null, '', '  '];

describe("a shopper's consent", ({ it }) => {
  it('is given by a clear yes only', () => {
    for (const value of YES)
      assert.equal(consentIn({ marketing: value }), { consent: { marketing: true } }, String(value));
  });

  it('is denied by a no', () => {
    for (const value of NO)
      assert.equal(consentIn({ marketing: value }), { consent: { marketing: false } }, String(value));
  });

  it('is denied by whatever else is stated, which is kept', () => {
    for (const value of UNCLEAR) {
      const seen = typeof value === 'string' ? value : JSON.stringify(value);
      assert.equal(consentIn({ marketing: value }), {
        consent: { marketing: false },
        consent_unclear: { marketing: seen },
      });
    }
  });

  it('is not stated by null, an empty text, or a missing key', () => {
    for (const value of SILENT) assert.equal(consentIn({ marketing: value }), {});
    assert.equal(consentIn(undefined), {});
    assert.equal(consentIn({}), {});
  });

  it('is read in every spelling', () => {
    const spellings = {
      analytics: [
        'analyticsProcessingAllowed',
        'analyticsAllowed',
        'analytics',
        'analytics_processing_allowed',
        'Analytics',
      ],
      marketing: ['marketingAllowed', 'marketing', 'marketing_allowed', 'MARKETING'],
      preferences: ['preferencesProcessingAllowed', 'preferencesAllowed', 'preferences', 'preferences_allowed'],
      sale_of_data: [
        'saleOfDataAllowed',
        'saleOfData',
        'sale_of_data',
        'sale_of_data_allowed',
        'sale-of-data',
        'SaleOfData',
      ],
    };
    for (const [purpose, names] of Object.entries(spellings)) {
      for (const name of names) {
        assert.equal(consentIn({ [name]: 'no' }), { consent: { [purpose]: false } }, name);
        assert.equal(consentIn({ [name]: 'yes' }), { consent: { [purpose]: true } }, name);
      }
    }
  });

  it('is denied where it is stated twice and differently', () => {
    assert.equal(consentIn({ saleOfData: false, sale_of_data: true }), { consent: { sale_of_data: false } });
    assert.equal(consentIn({ saleOfData: 'perhaps', sale_of_data: false }), { consent: { sale_of_data: false } });
    assert.equal(consentIn({ 'marketing.allowed ': 0, marketing: 1 }), { consent: { marketing: false } });
    assert.equal(consentIn({ saleOfData: '', sale_of_data: true }), { consent: { sale_of_data: true } });
  });

  it('is denied where one of several places denies it', () => {
    const [one, other] = [{ marketing: true, analytics: true }, { marketingAllowed: false }];
    const stated = { consent: { analytics: true, marketing: false } };
    assert.equal(consentIn(one, undefined, other), stated);
    assert.equal(consentIn(other, one), stated);
    assert.equal(unread(one, stated), { marketing: true });
    assert.is(unread(other, stated), undefined);
  });

  it('is denied, but not given, one level deeper', () => {
    const choices = { marketing: 'no', analytics: 'yes', region: 'DE' };
    for (const privacy of [{ consent: choices }, { 0: choices }]) {
      assert.equal(consentIn(privacy), { consent: { marketing: false } });
      assert.equal(unread(privacy), privacy);
    }
    assert.equal(consentIn({ marketing: true, current: { marketing: 'no' } }), { consent: { marketing: false } });
    assert.equal(consentIn({ a: { b: choices } }), {});
  });

  it('is not read from names that say something else, which are kept', () => {
    const privacy = {
      doNotSell: true,
      thirdPartyMarketingAllowed: false,
      region: 'DE',
      marketing: 'perhaps',
      analytics: true,
    };
    assert.equal(consentIn(privacy), {
      consent: { analytics: true, marketing: false },
      consent_unclear: { marketing: 'perhaps' },
    });
    assert.equal(unread(privacy), {
      doNotSell: true,
      thirdPartyMarketingAllowed: false,
      region: 'DE',
      marketing: 'perhaps',
    });
    assert.is(unread({ analytics: 'no', marketing: '', preferences: null }), undefined);
    // A yes that a no overrules.
    assert.equal(unread({ marketing: true, marketingAllowed: 'no' }), { marketing: true });
  });

  it('is shown by its first 40 characters where it was not understood', () => {
    const { consent_unclear } = consentIn({ marketing: 'x'.repeat(100) });
    assert.equal(consent_unclear, { marketing: `${'x'.repeat(40)}…` });
  });

  it('is read from JSON text too', () => {
    const sent = ' {"analytics":true,"saleOfData":"no","marketing":"perhaps"}';
    assert.equal(consentIn(sent), {
      consent: { analytics: true, marketing: false, sale_of_data: false },
      consent_unclear: { marketing: 'perhaps' },
    });
    assert.is(unread(sent), sent);
    assert.is(unread('{"analytics":true}'), undefined);
  });

  it('is denied for all purposes by a word that names none, unless that says nothing', () => {
    const all = <T>(value: T) => ({ analytics: value, marketing: value, preferences: value, sale_of_data: value });
    for (const no of ['denied', false, 0, 'NO']) {
      assert.equal(consentIn(no), { consent: all(false) });
      assert.is(unread(no), no);
    }
    for (const [sent, seen] of [
      ['yes', '["yes"]'],
      [true, '[true]'],
      ['{"analytics":', '["{\\"analytics\\":"]'],
      [['analytics'], '["analytics"]'],
    ] as const) {
      assert.equal(consentIn(sent), { consent: all(false), consent_unclear: all(seen) });
      assert.equal(unread(sent), sent);
    }
    const deep = `{"analytics":${'['.repeat(4000)}${']'.repeat(4000)}}`;
    assert.is(consentIn(deep).consent?.analytics, false);
    for (const silent of [undefined, null, '', '  ', {}, []]) {
      assert.equal(consentIn(silent), {});
      assert.is(unread(silent), undefined);
    }
  });
});
