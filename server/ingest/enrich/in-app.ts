import { isbot } from 'isbot';

/** What the apps of social networks append to the User-Agent of their browser. Facebook's may send nothing else. */
const FACEBOOK = /\[(?:FBAN|FB_IAB)\//;
const SOCIAL =
  /\[(?:FBAN|FB_IAB|Pinterest|LinkedInApp)[\]/]|\b(?:Instagram|Barcelona|TikTok) \d|(?:musical_ly|trill)_\d|BytedanceWebview\/|Snapchat\/?\d|\bTwitter(?: for |Android)|\b(?:Line|MicroMessenger|Reddit|Viber|WhatsApp)\/|\bKAKAOTALK\b|\bNAVER\(|\bWeibo \(|\bTelegram-(?:iOS|Android)\b|\bvkclient\b|discover@xhs/;
const BROWSER = /^Mozilla\/5\.0 \([^()]*\) AppleWebKit\//;

/** Words by which crawlers name themselves, even if they imitate a browser or an app. */
const CRAWLER = /(?<!cu)bot\b|crawler|spider|externalhit|external(?:agent|fetcher)|preview|scrap|headless|\+https?:/i;

/** Whether this is a browser inside the app of a social network: a person on the web who came from an ad or a post. */
export const isInApp = (userAgent: string): boolean =>
  userAgent.startsWith('[') ? FACEBOOK.test(userAgent) : SOCIAL.test(userAgent) && BROWSER.test(userAgent);

/**
 * Whether a User-Agent is a crawler's. isbot searches for words, and apps append many: names of carriers (Google Fi), makers (google) and
 * devices (CUBOT). So for in-app browsers only the part before the app's own text counts, and the words of CRAWLER.
 */
export function isCrawler(userAgent: string): boolean {
  if (!isInApp(userAgent)) return isbot(userAgent);
  const browser = userAgent.slice(0, userAgent.search(SOCIAL)).trimEnd();
  return CRAWLER.test(userAgent) || (browser !== '' && isbot(browser));
}
