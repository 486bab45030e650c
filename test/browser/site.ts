import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { recipe } from './recipes.ts';

const pages = 'test/browser/site';
const sdk = '.engines/node_modules/@commerce-blocks/sdk/dist';
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

/**
 * The storefront's own pages, the same on every host; the real Layers SDK lies under /sdk/, the code of adapters/dialects/BROWSERS.md under /recipes/.
 * `?referrer=` and `?csp=` give a page those policies. Listens nowhere by itself.
 */
export function createSite(): Server {
  return createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://site');
    const path = normalize(pathname);
    const body = await contentOf(path).catch(() => undefined);
    const [referrer, csp] = [searchParams.get('referrer'), searchParams.get('csp')];
    response.writeHead(body ? 200 : 404, {
      'Content-Type': types[extname(path)] ?? 'text/plain',
      // A sandboxed frame is another origin even to its own host.
      'Access-Control-Allow-Origin': '*',
      ...(referrer && { 'Referrer-Policy': referrer }),
      ...(csp && { 'Content-Security-Policy': csp }),
    });
    response.end(body);
  });
}

async function contentOf(path: string): Promise<string | Buffer> {
  const [, folder, ...rest] = path.split('/');
  // A service worker is responsible for the folder that it lies in.
  if (path === '/service_worker.js') return recipe('service_worker');
  if (folder === 'recipes') return recipe(rest.join('/').replace('.js', ''));
  return readFile(folder === 'sdk' ? join(sdk, ...rest) : join(pages, path));
}
