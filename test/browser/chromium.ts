import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { trustedKey } from './front.ts';

/** Debian's package; elsewhere `CHROMIUM` says where it is. */
const PATH = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** A real Chromium for which every host is this port, so that it finds the gateway under names that others own. */
export async function openChromium(port: number): Promise<Browser> {
  if (!existsSync(PATH))
    throw new Error(`expected Chromium at ${PATH}, found nothing: apt-get install chromium, or say where in CHROMIUM`);
  return chromium.launch({
    executablePath: PATH,
    chromiumSandbox: false,
    // Playwright turns it off, shoppers have it.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      `--host-resolver-rules=MAP * 127.0.0.1:${port}`,
      `--ignore-certificate-errors-spki-list=${trustedKey()}`,
      '--disable-gpu',
      '--disable-quic',
      '--disable-sync',
      '--disable-component-update',
      '--disable-background-networking',
      '--no-first-run',
    ],
  });
}
