import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { folderAt, sinkAt, type Target } from './drain-targets.ts';

/** A destination that is down when the backlog comes, and how it comes back. */
export interface Destination {
  readonly pipeline: string;
  readonly lanes: number;
  readonly settings: object;
  readonly target: Target;
  readonly comeBack: () => Promise<void>;
}

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** Nobody listens until it comes back. */
export const webhookOf = (lanes: number) => async (): Promise<Destination> => {
  const port = await freePort();
  const target = sinkAt(port);
  const settings = { ...webhook(`http://127.0.0.1:${port}/hook`), batchSize: 500 };
  return { pipeline: `webhook, ${lanes} lane${lanes > 1 ? 's' : ''}`, lanes, settings, target, comeBack: target.open };
};

/** A file lies where its folder should be, until it comes back. */
export const fileOf =
  () =>
  async (folder: string): Promise<Destination> => {
    const directory = join(folder, 'archive');
    writeFileSync(directory, '');
    const comeBack = async () => rmSync(directory);
    return { pipeline: 'file', lanes: 1, settings: { type: 'file', directory }, target: folderAt(directory), comeBack };
  };

/** A webhook's settings. */
export const webhook = (url: string | undefined): object => ({
  type: 'webhook',
  url,
  secret,
  allowPrivateNetworks: true,
});
