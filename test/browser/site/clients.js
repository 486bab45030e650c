/** Page code, called by the tests by name. Page code that vendors show is written as they show it. */

/** The real SDK as its README sets it up. */
async function openSdk(token) {
  const { createSDK } = await import('@commerce-blocks/sdk');
  const identity = () => ({ sessionId: 'session-of-the-shopper', deviceId: 'device-of-the-shopper' });
  const { data, error } = createSDK({ storefrontAccessToken: 'search-token', trackingToken: token, identity });
  if (error) throw error;
  return data;
}

/** What the SDK says of a call, with what of an error can be shown. */
async function track(sdk, events) {
  const { data, error } = await sdk.trackingEvent(events);
  return { data, error: error && { message: error.message, status: error.status, body: error.body } };
}

globalThis.layers = {
  sdk: async (events, token = 'demo-token') => track(await openSdk(token), events),
  /** How browsers without sendBeacon, and web views that take it away, run the SDK. */
  noBeacons: () => {
    navigator.sendBeacon = undefined;
  },
  /** What sendBeacon says when too much is on its way already. */
  noRoomForBeacons: () => {
    navigator.sendBeacon = () => false;
  },
};
