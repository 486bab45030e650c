import type { Context } from '../../../adapters/dialects/dialect.ts';
import { isInApp } from './in-app.ts';

export type Channel = Context['channel'];

// The two app builders that Layers names. Either name may be in X-Requested-With or in the User-Agent.
const APP_BUILDER = /tapcart|fuego/i;

// HTTP libraries of native apps: Android (okhttp, Dalvik, Cronet), Apple (CFNetwork, Alamofire, AFNetworking by its "Scale/3.00"), Flutter
// (Dart), Kotlin (Ktor), React Native. A server on the JVM may use okhttp or Ktor too. It cannot be told apart and counts as an app.
const NATIVE_STACK =
  /\b(?:(?:okhttp|CFNetwork|Dart|Alamofire|Dalvik|Cronet|Expo|React-?Native)\/|Scale\/\d|Ktor[ -]client\b)/i;

/** The channel that the request suggests. The dialect prefers the event's own value. */
export function channelOf(requestedWith: string | undefined, userAgent: string | undefined): Channel {
  return namesAppBuilder(requestedWith) ? 'app' : channelOfAgent(userAgent ?? '');
}

/** Whether X-Requested-With names a merchant's app: an Android WebView sends the package name of its app there. */
export function namesAppBuilder(requestedWith: string | undefined): boolean {
  return requestedWith !== undefined && APP_BUILDER.test(requestedWith);
}

/**
 * The channel by User-Agent alone. In-app browsers of social networks (FBAN, Instagram, musical_ly, …) are web. So is a WebView that names no
 * app builder: it looks the same in a merchant's app and in an in-app browser, and calling ad traffic "app" is the worse mistake.
 */
export function channelOfAgent(userAgent: string): Channel {
  return APP_BUILDER.test(userAgent) || isNativeStack(userAgent) ? 'app' : 'web';
}

/** Whether the User-Agent is that of an HTTP library of a native app. In-app browsers name the library of their app too, and are excluded. */
export function isNativeStack(userAgent: string): boolean {
  return NATIVE_STACK.test(userAgent) && !isInApp(userAgent);
}
