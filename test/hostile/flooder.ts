import { layersEvent } from '../support/gateway.ts';
import { sender, steadily } from './sender.ts';

/** A flood from a process of its own, so that what it costs its sender is not what its victim feels. */
const { port, token, perSecond, seconds } = JSON.parse(process.argv[2] ?? '{}');
const sent = await steadily(
  perSecond,
  seconds,
  sender(port, token, () => JSON.stringify({ events: [layersEvent()] })),
);
process.send?.(sent.map(({ status, retryAfter }) => [status, retryAfter]));
