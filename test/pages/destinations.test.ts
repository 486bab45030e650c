import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Webhook } from 'standardwebhooks';
import * as assert from 'uvu/assert';
import { describe } from '../support/describe.ts';
import { HOOK_SECRET, loadExample } from '../support/example.ts';
import { temporaryFolder } from '../support/folder.ts';
import { beacon, call, gatewayWith, layersEvent } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { blockOf, blocksOf } from '../support/readme.ts';
import { openSink } from '../support/sink.ts';
import { until } from '../support/until.ts';

const blocks = blocksOf(readFileSync('adapters/destinations/README.md', 'utf8'));
const block = (role: string): string => blockOf(blocks, role);

describe('adapters/destinations/README.md: webhooks', ({ it, after }) => {
  const folder = temporaryFolder();
  const children: ChildProcess[] = [];
  const start = (args: string[], env: Record<string, string>) => {
    const child = spawn(process.execPath, args, { cwd: folder.path, env: { PATH: process.env.PATH, ...env } });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += String(chunk);
      });
    return () => output;
  };
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    folder.remove();
  });

  it('verify a real delivery, and nothing else', async () => {
    symlinkSync(resolve('node_modules'), join(folder.path, 'node_modules'));
    const receiverPort = await freePort();
    writeFileSync(join(folder.path, 'receiver.mjs'), block('receiver_js').replace('4000', String(receiverPort)));
    const output = start(['receiver.mjs'], { HOOK_SECRET });
    const forgery = { type: 'storefront.events', data: { events: [{ event_type: 'forged', event_id: 'forged' }] } };
    const forged = new Webhook(`whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    const at = new Date();
    const body = JSON.stringify(forgery);
    const headers = {
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': forged.sign('x', at, body),
    };
    const refused = await until(() => call(receiverPort, { path: '/hooks', headers, body }).catch(() => undefined));
    assert.is(refused.status, 401);

    const config = loadExample(block('receiver_config').replace('4000', String(receiverPort)));
    const gateway = await gatewayWith('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]', {}, { config });
    await beacon(gateway.port, [layersEvent({ event_id: 'hooked' })]);
    assert.match(await until(() => /^\S+ product_view \S+$/m.exec(output())?.[0]), /^hook_\S+ product_view hooked$/);
    await gateway.stop();
  });

  it('show a webhook body as it is', async () => {
    const sink = await openSink();
    const config = loadExample(block('receiver_config').replace('http://localhost:4000/hooks', sink.url));
    const gateway = await gatewayWith('shops: [{ shop: demo.myshopify.com, tokens: [demo-token] }]', {}, { config });
    await beacon(gateway.port, [layersEvent()]);
    const sent = JSON.parse((await until(() => sink.requests[0])).body);
    sink.verify(HOOK_SECRET);
    await gateway.stop();
    await sink.close();
    const shown = JSON.parse(block('webhook'));
    const alike = { timestamp: '', data: { ...shown.data, events: [] } };
    assert.equal({ ...sent, ...alike, data: { ...sent.data, events: [] } }, { ...shown, ...alike });
  });
});
