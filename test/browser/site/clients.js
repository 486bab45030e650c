/** Page code, called by the tests by name. What vendors' guides show is written as they show it. */

const asJson = (events) => JSON.stringify({ events });
const byQuery = ({ host, token }) => `https://${host}/beacon?token=${encodeURIComponent(token)}`;

function jsonBeacon(to, events) {
  return navigator.sendBeacon(byQuery(to), new Blob([asJson(events)], { type: 'application/json' }));
}

/** Goes out as text/plain, for which browsers ask no preflight. */
function textBeacon(to, events) {
  return navigator.sendBeacon(byQuery(to), asJson(events));
}

async function keptAliveFetch(to, events) {
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(byQuery(to), { method: 'POST', headers, body: asJson(events), keepalive: true });
  return answer.status;
}

/** What the guide of Layers recommends. */
async function beaconOrFetch(to, events) {
  return jsonBeacon(to, events) || keptAliveFetch(to, events);
}

function xhr({ host, token }, events) {
  const request = new XMLHttpRequest();
  request.open('POST', `https://${host}/beacon`);
  request.withCredentials = true;
  request.setRequestHeader('Content-Type', 'application/json');
  request.setRequestHeader('X-Storefront-Access-Token', token);
  request.send(asJson(events));
  return new Promise((resolve) => request.addEventListener('loadend', () => resolve(request.status)));
}

/** Gives the status and what a page may read of the answer. */
async function glood({ host, token, shop }, body) {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, 'x-shop': shop };
  const url = `https://${host}/api/storefront/v3/headless/events`;
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json(), accepted: answer.headers.get('X-Events-Accepted') };
}

/** Tries again after each of these waits, in milliseconds, as long as there is no answer. */
async function gloodPatiently(to, body, waits) {
  for (const wait of waits) {
    try {
      return await glood(to, body);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return glood(to, body);
}

/** The real SDK as its README sets it up. */
async function openSdk(token) {
  const { createSDK, xhrFetch } = await import('@commerce-blocks/sdk');
  const identity = () => ({ sessionId: 'session-of-the-shopper', deviceId: 'device-of-the-shopper' });
  const { data, error } = createSDK({
    storefrontAccessToken: 'search-token',
    trackingToken: token,
    identity,
    ...(isByXhr && { fetch: xhrFetch }),
  });
  if (error) throw error;
  return data;
}

/** What the SDK says of a call, with what of an error can be shown. */
async function said(call) {
  const { data, error } = await call;
  return { data, error: error && { message: error.message, ...error } };
}

const sdk = async (events, token = 'demo-token') => said((await openSdk(token)).trackingEvent(events));

/** How browsers without sendBeacon, and web views that take it away, run a page. */
function noBeacons() {
  navigator.sendBeacon = undefined;
}

let isByXhr = false;
/** The SDK's own fetch by XMLHttpRequest, for where fetch is patched or absent. */
function byXhr() {
  noBeacons();
  isByXhr = true;
}

/** What sendBeacon says when too much is on its way already. */
function noRoomForBeacons() {
  navigator.sendBeacon = () => false;
}

/** Calls the SDK when the page goes away. */
async function sdkOnLeaving(event) {
  const opened = await openSdk('demo-token');
  addEventListener('pagehide', () => opened.trackingEvent(event));
}

/** Calls the SDK until the page is gone, which it leaves in the middle; counts what the SDK has said to be sent. */
async function sdkWhileLeaving(event, leaveAfter) {
  const opened = await openSdk('demo-token');
  for (let count = 1; ; count += 1) {
    const { error } = await opened.trackingEvent({ ...event, eventId: `${event.eventId}-${count}` });
    if (!error) sessionStorage.setItem('sent', String(count));
    if (count === leaveAfter) location.href = '/next.html';
    // Other things happen on a page between two events.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** How a page may send many events, each as it happens, with this token. Gives a function that sends one. */
const ways = {
  sdk: async ({ token }) => {
    const opened = await openSdk(token);
    return (event) => opened.trackingEvent(asSdkEvent(event));
  },
  sdkByFetch: async (to) => {
    noBeacons();
    return ways.sdk(to);
  },
  jsonBeacon: async (to) => (event) => jsonBeacon(to, [event]),
  textBeacon: async (to) => (event) => textBeacon(to, [event]),
  keptAliveFetch: async (to) => (event) => ignored(keptAliveFetch(to, [event])),
  beaconOrFetch: async (to) => (event) => ignored(beaconOrFetch(to, [event])),
  outbox: async () => (await import('/recipes/outbox.js')).track,
};
const ignored = (promise) => promise.catch(() => {});
const asSdkEvent = ({ event_id, event_type, session_id, product_id, query }) => ({
  eventId: event_id,
  eventType: event_type,
  sessionId: session_id,
  productId: product_id,
  query,
});

/** Gets everything ready, so that afterwards nothing comes between the events and the end of the page. */
async function prepare(way, to) {
  if (way === 'sdkTogether') {
    const opened = await openSdk(to.token);
    globalThis.sendAll = (events) => opened.trackingEvent(events.map(asSdkEvent));
  } else {
    const send = await ways[way](to);
    globalThis.sendAll = (events) => {
      for (const event of events) send(event);
    };
  }
}

function sendAllAndLeave(events, next) {
  globalThis.sendAll(events);
  location.href = next;
}

/** The SDK as adapters/dialects/BROWSERS.md sets it up for pages. */
async function sdkOfRecipe(eventId) {
  const { sdk } = await import('/recipes/sdk_beacon.js');
  return said(sdk.trackingEvent({ eventId, eventType: 'search', query: 'gold ring', sessionId: 'session' }));
}

/** Resolves when the worker is at work for the pages that come. */
async function register(script) {
  await navigator.serviceWorker.register(script);
  await navigator.serviceWorker.ready;
}

async function track(event) {
  const outbox = await import('/recipes/outbox.js');
  outbox.track(event);
}

globalThis.clients = {
  jsonBeacon,
  textBeacon,
  keptAliveFetch,
  beaconOrFetch,
  xhr,
  glood,
  gloodPatiently,
  sdk,
  noBeacons,
  byXhr,
  noRoomForBeacons,
  sdkOnLeaving,
  sdkWhileLeaving,
  sdkOfRecipe,
  register,
  track,
  prepare,
  sendAll: (events) => void globalThis.sendAll(events),
  sendAllAndLeave,
};
