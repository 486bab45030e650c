import { isbot } from 'isbot';

/** What the apps of social networks put behind the browser that they hold, or, as Facebook's does, say alone. */
const FACEBOOK = /\[(?:FBAN|FB_IAB)\//;
const SOCIAL =
  /\[(?:FBAN|FB_IAB|Pinterest|LinkedInApp)[\]/]|\b(?:Instagram|Barcelona|TikTok) \d|(?:musical_ly|trill)_\d|BytedanceWebview\/|Snapchat\/?\d|\bTwitter(?: for |Android)|\b(?:Line|MicroMessenger|Reddit|Viber|WhatsApp)\/|\bKAKAOTALK\b|\bNAVER\(|\bWeibo \(|\bTelegram-(?:iOS|Android)\b|\bvkclient\b|discover@xhs/;
const BROWSER = /^Mozilla\/5\.0 \([^()]*\) AppleWebKit\//;

/** What crawlers say of themselves, also where they borrow the words of a browser or an app. */
const CRAWLER = /(?<!cu)bot\b|crawler|spider|externalhit|external(?:agent|fetcher)|preview|scrap|headless|\+https?:/i;

/** Whether it is a browser inside the app of a social network: a person on the web, who came from an advertisement or a post. */
export const isInApp = (userAgent: string): boolean =>
  userAgent.startsWith('[') ? FACEBOOK.test(userAgent) : SOCIAL.test(userAgent) && BROWSER.test(userAgent);

/**
 * Whether a User-Agent is a crawler's. isbot looks for words, and what an app adds to its browser is full of them: the names of carriers
 * (Google Fi), makers (google) and devices (CUBOT). So in an app only what comes before counts, and what crawlers say of themselves.
 */
export function isCrawler(userAgent: string): boolean {
  if (!isInApp(userAgent)) return isbot(userAgent);
  const browser = userAgent.slice(0, userAgent.search(SOCIAL)).trimEnd();
  return CRAWLER.test(userAgent) || (browser !== '' && isbot(browser));
}
