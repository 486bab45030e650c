import { LRUCache } from 'lru-cache';
import { UAParser } from 'ua-parser-js';
import type { Context } from '../../../adapters/dialects/dialect.ts';
import { type Channel, channelOfAgent, isNativeStack } from './channel.ts';
import { isCrawler } from './in-app.ts';

export type Agent = NonNullable<Context['agent']>;

/** What a User-Agent says. */
export interface AgentReading {
  readonly agent: Agent;
  /** The channel by User-Agent alone. */
  readonly channel: Channel;
}

const LONGEST = 500;

// If the parser finds one of these systems and no device, the device is a mobile.
const MOBILE_OS = /^(?:Android|iOS|HarmonyOS|KaiOS|BlackBerry|Symbian|Windows (?:Phone|Mobile)|Firefox OS)\b/;

// What an app's HTTP library says about the system, the most reliable first: the pattern, ua-parser-js's name for the system, and its device.
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
 * Reads User-Agents and caches the last `cacheSize` of them. Only the first 500 characters count. `device`: desktop, mobile, tablet, smarttv,
 * console, wearable or embedded; absent if unknown. `browser` and `os`: the names of ua-parser-js. `bot`: the verdict of isbot, except for
 * browsers inside the apps of social networks; isbot calls every bare HTTP library a bot. An iPad that asks for desktop pages calls itself a Mac
 * and counts as one.
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

// Copies the characters: a slice would keep the whole header, up to 16 KB, in memory as long as the cache entry.
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

// The parser names every device except a desktop. So no device means a desktop, but only in a known browser of a shopper.
function browserSystem(parser: UAParser, shopper: boolean): System {
  const os = parser.getOS().name;
  const mobile = os !== undefined && MOBILE_OS.test(os);
  return { os, device: parser.getDevice().type ?? (mobile ? 'mobile' : shopper ? 'desktop' : undefined) };
}
