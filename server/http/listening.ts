import type { Server } from 'node:net';
import type { Settings } from '../../schemas/settings.ts';
import { ConfigError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';

const EVERY_ADDRESS = '::';
const EVERY_IPV4_ADDRESS = '0.0.0.0';
/**
 * Connections that may wait to be accepted; Linux allows 4,096 by default. With Node's 511 a thousand clients that connect at once (a crowd, or an
 * attack) leave no place for others, who try again after a second.
 */
const BACKLOG = 4096;
/** Error codes of a system without IPv6, or with IPv6 turned off. */
const NO_IPV6: readonly unknown[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL', 'EPROTONOSUPPORT'];

/** Listens on HOST and PORT. If HOST means every address and this machine has no IPv6, listens on every IPv4 address. Throws ConfigError. */
export async function listen(
  server: Pick<Server, 'listen' | 'once' | 'off'>,
  { PORT, HOST }: Pick<Settings, 'PORT' | 'HOST'>,
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  try {
    await listenAt(server, PORT, HOST);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (HOST !== EVERY_ADDRESS || !NO_IPV6.includes(code)) throw refusal(error, PORT, HOST);
    logger.warn(
      { host: EVERY_IPV4_ADDRESS, code },
      'this machine has no IPv6: listening on every IPv4 address; set HOST=0.0.0.0 to say so',
    );
    await listenAt(server, PORT, EVERY_IPV4_ADDRESS).catch((reason: unknown) => {
      throw refusal(reason, PORT, EVERY_IPV4_ADDRESS);
    });
  }
}

function listenAt(server: Pick<Server, 'listen' | 'once' | 'off'>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, BACKLOG, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function refusal(cause: unknown, port: number, host: string): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  const sentence = sentences[code ?? '']?.(port, host);
  return sentence === undefined ? cause : new ConfigError([sentence], { cause });
}

const notHere = (_: number, host: string): string =>
  `HOST: must be an address of this machine, got ${JSON.stringify(host)}; unset it to listen on every address`;

const sentences: Readonly<Record<string, (port: number, host: string) => string>> = {
  EADDRINUSE: (port) =>
    `PORT: must be free, got ${port}, which another process listens on; stop that one, or set another`,
  EACCES: (port) => `PORT: must be one that this user may listen on, got ${port}; set one from 1024 to 65535`,
  EPERM: (port) => `PORT: must be one that this user may listen on, got ${port}; set one from 1024 to 65535`,
  EADDRNOTAVAIL: notHere,
  EAFNOSUPPORT: notHere,
  EINVAL: notHere,
  ENOTFOUND: notHere,
  EAI_AGAIN: notHere,
};
