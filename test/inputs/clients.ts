import { glood, layers, tapcart } from './requests.ts';
import type { Fields, Row } from './row.ts';

const IOS = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const ANDROID =
  'Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/BP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/136.0.7103.61';
const WEB = { shopping_channel: 'web', is_bot: false };
const APP = { shopping_channel: 'app', is_bot: false };
const BOT = { shopping_channel: 'web', is_bot: true };

const agents: readonly (readonly [name: string, agent: string, found: Fields, source: string])[] = [
  [
    'Facebook’s in-app browser on iOS',
    `${IOS} Mobile/15E148 [FBAN/FBIOS;FBAV/515.0.0.51.90;FBBV/731234567;FBDV/iPhone16,2;FBMD/iPhone;FBSN/iOS;FBSV/18.5;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]`,
    WEB,
    'isbot took it for a bot',
  ],
  [
    'Facebook’s in-app browser on Android',
    `${ANDROID} Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/515.0.0.51.90;IABMV/1;]`,
    WEB,
    'Android WebView',
  ],
  ['Messenger', `${IOS} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/515.0;FBDV/iPhone16,2]`, WEB, 'iOS'],
  [
    'Instagram on iOS',
    `${IOS} Mobile/15E148 Instagram 382.0.0.28.91 (iPhone16,2; iOS 18_5; en_US; en; scale=3.00; 1290x2796; 737690123)`,
    WEB,
    'in-app browsers are web',
  ],
  [
    'Instagram on Android',
    `${ANDROID} Mobile Safari/537.36 Instagram 382.0.0.49.84 Android (35/15; 420dpi; 1080x2340; Google; Pixel 9; tokay; tokay; en_US)`,
    WEB,
    'in-app browsers are web',
  ],
  [
    'TikTok',
    `${ANDROID} Mobile Safari/537.36 trill_390203 BytedanceWebview/d8a21c6 musical_ly_390203`,
    WEB,
    'in-app browsers are web',
  ],
  ['Pinterest', `${IOS} Mobile/15E148 [Pinterest/iOS]`, WEB, 'its crawler is another one'],
  ['Snapchat', `${IOS} Mobile/15E148 Snapchat/13.40.0.41 (iPhone16,2; iOS 18.5; gzip)`, WEB, 'in-app browsers are web'],
  ['LinkedIn', `${IOS} Mobile/15E148 [LinkedInApp]/9.31.4712`, WEB, 'its crawler is another one'],
  ['Line', `${ANDROID} Mobile Safari/537.36 Line/15.6.0/IAB`, WEB, 'in-app browsers are web'],
  [
    'WeChat',
    `${ANDROID} Mobile Safari/537.36 XWEB/1300 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600 WeChat/arm64`,
    WEB,
    'in-app browsers are web',
  ],
  ['the Google app', `${IOS} GSA/370.0.762516 Mobile/15E148 Safari/604.1`, WEB, 'no crawler of Google'],
  [
    'DuckDuckGo’s browser',
    `${ANDROID.replace('; wv', '')} Mobile DuckDuckGo/5 Safari/537.36`,
    WEB,
    'its crawler is DuckDuckBot',
  ],
  [
    'a Cubot phone',
    'Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36',
    WEB,
    'a maker of phones whose name ends in bot',
  ],
  [
    'Safari on an iPhone',
    `${IOS} Version/18.5 Mobile/15E148 Safari/604.1`,
    { ...WEB, browser: 'Mobile Safari', os: 'iOS', device_type: 'mobile' },
    'every iPhone',
  ],
  [
    'Chrome on Windows',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36',
    { ...WEB, browser: 'Chrome', os: 'Windows', device_type: 'desktop' },
    'every desktop',
  ],
  ['a WebView that names no builder', `${ANDROID} Mobile Safari/537.36`, WEB, 'it looks the same in a social app'],
  [
    'Facebook’s crawler',
    'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)',
    BOT,
    'developers.facebook.com',
  ],
  [
    'Google’s crawler',
    'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    BOT,
    'it runs scripts',
  ],
  [
    'Lighthouse',
    'Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse',
    BOT,
    'Hydrogen skips it',
  ],
  [
    'a headless Chrome',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/136.0.0.0 Safari/537.36',
    BOT,
    'monitors',
  ],
  [
    'GPTBot',
    'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot',
    BOT,
    'platform.openai.com',
  ],
  ['an app by okhttp', 'okhttp/4.12.0', { ...APP, os: 'Android' }, 'React Native on Android'],
  ['an app by CFNetwork', 'Shop/41 CFNetwork/1498.700.2 Darwin/23.6.0', { ...APP, os: 'iOS' }, 'React Native on iOS'],
  ['an app by Dart', 'Dart/3.7 (dart:io)', APP, 'Flutter'],
  ['a Tapcart app by its agent', `${IOS} Mobile/15E148 Tapcart/4.2.0`, APP, 'public storefront scripts'],
  ['a Fuego app by its agent', `${ANDROID} Mobile Safari/537.36 FuegoApp/2.1`, APP, 'Layers: fuego'],
  ['curl', 'curl/8.11.0', BOT, 'scripts'],
  ['PHP’s Guzzle', 'GuzzleHttp/7', BOT, 'back ends'],
];

/** What apps and web views put into X-Requested-With. */
const requestedWith: readonly (readonly [value: string, channel: 'web' | 'app', source: string])[] = [
  ['co.tapcart.app.id_AbCdEf1234', 'app', 'Android package names of Tapcart'],
  ['com.TAPCART.AbCdEf1234', 'app', 'Layers: any case'],
  ['io.fuego.shop', 'app', 'Layers: fuego'],
  ['XMLHttpRequest', 'web', 'jQuery'],
  ['com.facebook.katana', 'web', 'Facebook’s WebView'],
  ['', 'web', 'WebViews that hide it'],
];

export const clients: readonly Row[] = [
  ...agents.map(
    ([name, agent, found, source]): Row => ({
      name,
      source,
      sends: layers({}, { headers: { 'user-agent': agent } }),
      event: found,
    }),
  ),
  ...requestedWith.map(
    ([value, shopping_channel, source]): Row => ({
      name: `X-Requested-With: ${value || '(empty)'}`,
      source,
      sends: layers({}, { headers: { 'x-requested-with': value, 'user-agent': `${ANDROID} Mobile Safari/537.36` } }),
      event: { shopping_channel },
    }),
  ),
  {
    name: 'the event’s own channel wins',
    source: 'Layers: rule 1',
    sends: layers({ shopping_channel: 'web' }, { headers: { 'x-requested-with': 'co.tapcart.app.id_AbCdEf1234' } }),
    event: { shopping_channel: 'web' },
  },
  {
    name: 'channel mobile of Glood',
    source: 'Glood: channel',
    sends: glood({}, { channel: 'mobile' }, { headers: { 'user-agent': 'okhttp/4.12.0' } }),
    event: { shopping_channel: 'app', channel: 'mobile' },
  },
  {
    name: 'channel hydrogen of Glood from a browser',
    source: 'Glood: channel',
    sends: glood(
      {},
      { channel: 'hydrogen' },
      { headers: { 'user-agent': `${IOS} Version/18.5 Mobile/15E148 Safari/604.1` } },
    ),
    event: { shopping_channel: 'web', channel: 'hydrogen' },
  },
  {
    name: 'no User-Agent',
    source: 'sockets of devices',
    sends: layers(),
    event: { shopping_channel: 'web', browser: undefined, is_bot: undefined },
  },
  {
    name: 'a User-Agent of 10 KB',
    source: 'toolbars that add themselves again and again',
    sends: layers(
      {},
      { headers: { 'user-agent': `${IOS} Version/18.5 Mobile/15E148 Safari/604.1 ${'x'.repeat(10_000)}` } },
    ),
    event: { browser: 'Mobile Safari', is_bot: false },
  },
  {
    name: 'a User-Agent with letters outside of ASCII',
    source: 'CFNetwork sends the app’s name as it is',
    sends: layers(
      {},
      {
        headers: {
          'user-agent': Buffer.from('Schuh & Söhne/41 CFNetwork/1498.700.2 Darwin/23.6.0').toString('latin1'),
        },
      },
    ),
    event: APP,
  },
  {
    name: 'fields that Layers finds out itself',
    source: 'clients are told not to send them',
    sends: layers(
      { device_type: 'fridge', browser: 'Netscape', os: 'BeOS', geo_country: 'XX', geo_city: 'Atlantis' },
      { headers: { 'user-agent': `${IOS} Version/18.5 Mobile/15E148 Safari/604.1`, 'cf-ipcountry': 'FR' } },
    ),
    event: { device_type: 'mobile', browser: 'Mobile Safari', os: 'iOS', geo_country: 'FR', geo_city: undefined },
  },
  {
    name: 'a place from Cloudflare, its city in UTF-8',
    source: 'cloudflare-docs: managed transforms',
    sends: layers(
      {},
      {
        headers: {
          'cf-ipcountry': 'BR',
          'cf-region-code': 'SP',
          'cf-ipcity': Buffer.from('São Paulo').toString('latin1'),
        },
      },
    ),
    event: { geo_country: 'BR', geo_state: 'SP', geo_city: 'são paulo' },
  },
  {
    name: 'a place that Cloudflare does not know',
    source: 'XX, and T1 for Tor',
    sends: layers({}, { headers: { 'cf-ipcountry': 'XX' } }),
    event: { geo_country: undefined },
  },
  {
    name: 'a place from an edge that nobody trusts',
    source: 'headers that any client can send',
    sends: layers({}, { headers: { 'x-vercel-ip-country': 'FR', 'cloudfront-viewer-country': 'FR' } }),
    event: { geo_country: undefined },
  },
  {
    name: 'the device that Glood’s client names',
    source: 'an app knows it better than a User-Agent',
    sends: glood(
      {},
      { device: { type: 'tablet', os: 'iPadOS', os_version: '18.5', app_version: '4.2.0' } },
      { headers: { 'user-agent': 'okhttp/4.12.0' } },
    ),
    event: { device_type: 'tablet', os: 'iPadOS', os_version: '18.5', app_version: '4.2.0' },
  },
  {
    name: 'the device in a header of Tapcart',
    source: 'Tapcart’s clickstream: appid, eventtype, deviceid, eventid',
    sends: tapcart({}, { headers: { appid: 'AbCdEf1234', deviceid: '2F0C6C0A-7B1D-4F55-9C0E-1E4D7A3B9C21' } }),
    event: { device_id: '2F0C6C0A-7B1D-4F55-9C0E-1E4D7A3B9C21', shopping_channel: 'app' },
  },
];
