import type { Context } from '../../../adapters/dialects/dialect.ts';
import { isInApp } from './in-app.ts';

export type Channel = Context['channel'];

// The two builders of merchants' apps that Layers names. Either may stand in X-Requested-With or in the User-Agent.
const APP_BUILDER = /tapcart|fuego/i;

// What names itself when an app sends without a browser: Android (okhttp, Dalvik, Cronet), Apple (CFNetwork, Alamofire,
// AFNetworking by its "Scale/3.00"), Flutter (Dart), Kotlin (Ktor), React Native. A server on the JVM may use okhttp or Ktor
// too and counts as app: nothing tells them apart.
const NATIVE_STACK =
  /\b(?:(?:okhttp|CFNetwork|Dart|Alamofire|Dalvik|Cronet|Expo|React-?Native)\/|Scale\/\d|Ktor[ -]client\b)/i;

/** The channel as the request suggests it. An event's own value wins over it, in the dialect. */
export function channelOf(requestedWith: string | undefined, userAgent: string | undefined): Channel {
  return namesAppBuilder(requestedWith) ? 'app' : channelOfAgent(userAgent ?? '');
}

/** Whether an X-Requested-With value is that of a merchant's app: an Android WebView sends its package name there. */
export function namesAppBuilder(requestedWith: string | undefined): boolean {
  return requestedWith !== undefined && APP_BUILDER.test(requestedWith);
}

/**
 * The channel by User-Agent alone. In-app browsers of social networks (FBAN, Instagram, musical_ly, …) are browsers, so web. A WebView that names no builder is web as well, because it looks the same in a merchant's app and in an
 * in-app browser, and calling shoppers from an advertisement "app" would be the costlier mistake.
 */
export function channelOfAgent(userAgent: string): Channel {
  return APP_BUILDER.test(userAgent) || isNativeStack(userAgent) ? 'app' : 'web';
}

/** Whether the request came from an app's HTTP library instead of a browser. In-app browsers name the library of their app too. */
export function isNativeStack(userAgent: string): boolean {
  return NATIVE_STACK.test(userAgent) && !isInApp(userAgent);
}
