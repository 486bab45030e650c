import { LRUCache } from 'lru-cache';
import { UAParser } from 'ua-parser-js';
import type { Context } from '../../../adapters/dialects/dialect.ts';
import { type Channel, channelOfAgent, isNativeStack } from './channel.ts';
import { isCrawler } from './in-app.ts';

export type Agent = NonNullable<Context['agent']>;

/** Everything that a User-Agent tells. */
export interface AgentReading {
  readonly agent: Agent;
  /** The channel by User-Agent alone. */
  readonly channel: Channel;
}

const LONGEST = 500;

// Where the parser names one of these but no device: what runs it fits a hand.
const MOBILE_OS = /^(?:Android|iOS|HarmonyOS|KaiOS|BlackBerry|Symbian|Windows (?:Phone|Mobile)|Firefox OS)\b/;

// What an app's library says of the system, the surest first: ua-parser-js's name for it, and the device it runs on.
const NATIVE_SYSTEMS: readonly (readonly [says: RegExp, os: string, device: string])[] = [
  [/\b(?:tvOS|AppleTV)\b/, 'tvOS', 'smarttv'],
  [/\bwatchOS\b/, 'watchOS', 'wearable'],
  [/\bvisionOS\b/, 'visionOS', 'wearable'],
  [/\biPad/, 'iOS', 'tablet'],
  [/\b(?:iOS\b|iPhone)/, 'iOS', 'mobile'],
  [/\b(?:macOS|Mac OS X|Macintosh|MacBook|iMac)|\(x86_64\)/, 'Mac OS', 'desktop'],
  [/\b(?:CFNetwork|Darwin|Alamofire)\//i, 'iOS', 'mobile'],
  [/\bAndroid\b|\b(?:okhttp|Dalvik|Cronet)\//i, 'Android', 'mobile'],
];

/**
 * Reads User-Agents, of which it remembers the last `cacheSize`. Only the first 500 characters count. `device` is desktop,
 * mobile, tablet, smarttv, console, wearable or embedded, and absent where nothing tells; `browser` and `os` are
 * ua-parser-js's names; `bot` is isbot's verdict, which every bare HTTP library earns, but for the
 * browsers inside the apps of social networks. An iPad that asks for desktop pages
 * calls itself a Mac and is taken for one.
 */
export function createAgentReader(cacheSize: number): (userAgent: string) => AgentReading {
  const seen = new LRUCache<string, AgentReading>({ max: cacheSize });
  return (userAgent) => {
    const key = userAgent.length > LONGEST ? shortened(userAgent) : userAgent;
    const known = seen.get(key);
    if (known) return known;
    const reading = { agent: agentOf(key), channel: channelOfAgent(key) };
    seen.set(key, reading);
    return reading;
  };
}

// A slice would keep all of a 16 KB header alive for as long as it is remembered, so the characters are copied.
function shortened(userAgent: string): string {
  return Buffer.from(userAgent.slice(0, LONGEST), 'utf16le').toString('utf16le');
}

function agentOf(userAgent: string): Agent {
  const parser = new UAParser(userAgent);
  const browser = parser.getBrowser().name;
  const bot = isCrawler(userAgent);
  const { os, device } = isNativeStack(userAgent)
    ? nativeSystem(userAgent, parser)
    : browserSystem(parser, !bot && browser !== undefined);
  return {
    ...(device !== undefined && { device }),
    ...(browser !== undefined && { browser }),
    ...(os !== undefined && { os }),
    bot,
  };
}

interface System {
  readonly os: string | undefined;
  readonly device: string | undefined;
}

function nativeSystem(userAgent: string, parser: UAParser): System {
  const [, os, device] = NATIVE_SYSTEMS.find(([says]) => says.test(userAgent)) ?? [];
  return { os: os ?? parser.getOS().name, device: parser.getDevice().type ?? device ?? 'mobile' };
}

// The parser names every device but the desktop. Its silence means one only where a known browser of a shopper runs.
function browserSystem(parser: UAParser, shopper: boolean): System {
  const os = parser.getOS().name;
  const mobile = os !== undefined && MOBILE_OS.test(os);
  return { os, device: parser.getDevice().type ?? (mobile ? 'mobile' : shopper ? 'desktop' : undefined) };
}
