// What React Native has of a browser, for `node --import`: a navigator, `window` as another name of the global, and a fetch
// over the phone's HTTP stack. No document, no sendBeacon, no crypto.
import { request } from 'node:http';

const androidHeaders = { 'User-Agent': 'okhttp/4.12.0', 'Accept-Encoding': 'gzip', Connection: 'Keep-Alive' };

globalThis.window = globalThis;
Object.defineProperty(globalThis, 'navigator', { value: { product: 'ReactNative' } });
Object.defineProperty(globalThis, 'crypto', { value: undefined });
globalThis.fetch = (url, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers, ...androidHeaders } }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode })));
    });
    sent.on('error', () => reject(new TypeError('Network request failed')));
    sent.end(body);
  });
