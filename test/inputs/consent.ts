import { glood, layers } from './requests.ts';
import { having, type Row } from './row.ts';

type Privacy = unknown;
const withPrivacy = (customer_privacy: Privacy) => glood({}, { customer_privacy });

/** What is stated of one purpose, and whether that is a yes. */
const words: readonly (readonly [said: unknown, allowed: boolean, source: string])[] = [
  [true, true, 'Shopify pixels'],
  [false, false, 'Shopify pixels'],
  ['true', true, 'cart attributes, query strings'],
  ['false', false, 'cart attributes, query strings'],
  ['TRUE', true, 'Excel, SQL'],
  [1, true, 'PHP, SQLite'],
  [0, false, 'PHP, SQLite'],
  ['1', true, 'form fields'],
  ['0', false, 'form fields'],
  ['yes', true, 'currentVisitorConsent()'],
  ['no', false, 'currentVisitorConsent()'],
  ['granted', true, 'Google consent mode'],
  ['denied', false, 'Google consent mode'],
  ['GRANTED', true, 'Firebase on Android: an enum’s name'],
  ['DENIED', false, 'Firebase on Android: an enum’s name'],
  ['allowed', true, 'consent banners'],
  ['accepted', true, 'consent banners'],
];

/** What is stated and not clearly a yes, in words that say no to nobody. */
const unclear: readonly (readonly [said: unknown, source: string])[] = [
  ['maybe', 'nobody knows'],
  ['undefined', 'a template'],
  ['pending', 'consent banners before the answer'],
  ['C0002', 'OneTrust groups'],
  ['oui', 'a storefront in French'],
  [2, 'tcf: a purpose’s number'],
  [-1, 'not asked, in some native stores'],
  [{ granted: true }, 'an object of a consent library'],
  [['analytics'], 'a list of purposes'],
];

export const consent: readonly Row[] = [
  ...words.map(
    ([said, allowed, source]): Row => ({
      name: `marketingAllowed: ${JSON.stringify(said)}`,
      source,
      sends: withPrivacy({ marketingAllowed: said }),
      event: { consent: { marketing: allowed } },
    }),
  ),
  ...unclear.map(
    ([said, source]): Row => ({
      name: `marketingAllowed, not understood: ${JSON.stringify(said)}`,
      source,
      sends: withPrivacy({ marketingAllowed: said }),
      event: { consent: { marketing: false }, extra: having({ customer_privacy: { marketingAllowed: said } }) },
    }),
  ),
  ...[null, ''].map(
    (said): Row => ({
      name: `marketingAllowed says nothing: ${JSON.stringify(said)}`,
      source: 'currentVisitorConsent() before the question',
      sends: withPrivacy({ marketingAllowed: said }),
      event: { consent: undefined },
    }),
  ),
  {
    name: 'consent of Shopify’s pixels',
    source: 'web-pixels-extension, customerPrivacy',
    sends: withPrivacy({
      analyticsProcessingAllowed: true,
      marketingAllowed: false,
      preferencesProcessingAllowed: true,
      saleOfDataAllowed: false,
    }),
    event: { consent: { analytics: true, marketing: false, preferences: true, sale_of_data: false } },
  },
  {
    name: 'consent of Hydrogen’s event',
    source: 'Hydrogen visitorConsentCollected',
    sends: withPrivacy({
      analyticsAllowed: true,
      marketingAllowed: true,
      preferencesAllowed: false,
      saleOfDataAllowed: true,
      firstPartyMarketingAllowed: true,
      thirdPartyMarketingAllowed: false,
    }),
    event: {
      consent: { analytics: true, marketing: true, preferences: false, sale_of_data: true },
      extra: { customer_privacy: { firstPartyMarketingAllowed: true, thirdPartyMarketingAllowed: false } },
    },
  },
  {
    name: 'consent of Hydrogen’s current visitor',
    source: 'Hydrogen currentVisitorConsent()',
    sends: withPrivacy({ marketing: 'yes', analytics: 'yes', preferences: '', sale_of_data: 'no' }),
    event: { consent: { marketing: true, analytics: true, sale_of_data: false } },
  },
  {
    name: 'consent of the Storefront API: saleOfData',
    source: 'visitorConsent of @inContext, Checkout Kit; an opt-out was lost',
    sends: withPrivacy({ analytics: true, marketing: true, preferences: true, saleOfData: false }),
    event: { consent: { analytics: true, marketing: true, preferences: true, sale_of_data: false } },
  },
  {
    name: 'a purpose that is stated twice and differently',
    source: 'two libraries on a page',
    sends: withPrivacy({ analyticsAllowed: true, analyticsProcessingAllowed: false }),
    event: { consent: { analytics: false }, extra: { customer_privacy: { analyticsAllowed: true } } },
  },
  {
    name: 'a purpose that is stated twice, once not understood',
    source: 'two libraries on a page',
    sends: withPrivacy({ analyticsAllowed: true, analyticsProcessingAllowed: 'perhaps' }),
    event: {
      consent: { analytics: false },
      extra: having({ customer_privacy: { analyticsProcessingAllowed: 'perhaps' } }),
    },
  },
  {
    name: 'a purpose that is stated once and left empty once',
    source: 'two libraries on a page',
    sends: withPrivacy({ analyticsAllowed: true, analyticsProcessingAllowed: '' }),
    event: { consent: { analytics: true } },
  },
  {
    name: 'consent is null',
    source: 'before Shopify’s API is loaded',
    sends: withPrivacy(null),
    event: { consent: undefined },
  },
  { name: 'consent is {}', source: 'before the question', sends: withPrivacy({}), event: { consent: undefined } },
  { name: 'consent is []', source: 'an empty array of PHP', sends: withPrivacy([]), event: { consent: undefined } },
  {
    name: 'consent is a text of another library',
    source: 'IAB TC strings',
    sends: withPrivacy('CPokAsAPokAsAAfGbBENC'),
    event: { extra: { customer_privacy: 'CPokAsAPokAsAAfGbBENC' } },
  },
  {
    name: 'consent by the names of Google alone',
    source: 'Google consent mode v2',
    sends: withPrivacy({ ad_storage: 'denied', analytics_storage: 'granted' }),
    event: { consent: undefined, extra: { customer_privacy: { ad_storage: 'denied', analytics_storage: 'granted' } } },
  },
  {
    name: 'consent by the name of Shopify for it',
    source: 'Shopify web pixels: init.customerPrivacy, put into the body as it is',
    sends: glood({}, { customerPrivacy: { marketingAllowed: false, saleOfDataAllowed: false } }),
    event: { consent: { marketing: false, sale_of_data: false } },
  },
  {
    name: 'consent in the event, and another beside it',
    source: 'Shopify web pixels: an event with its customerPrivacy, copied',
    sends: glood(
      { customerPrivacy: { marketingAllowed: false } },
      { customer_privacy: { marketing: true, analytics: true } },
    ),
    event: {
      consent: { marketing: false, analytics: true },
      extra: { event: { customerPrivacy: { marketingAllowed: false } }, customer_privacy: { marketing: true } },
    },
  },
  {
    name: 'consent in a Layers event',
    source: 'the contract has no field for it',
    sends: layers({ customer_privacy: { marketingAllowed: false } }),
    event: { extra: { customer_privacy: { marketingAllowed: false } } },
  },
];
