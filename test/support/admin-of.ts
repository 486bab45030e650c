import * as assert from 'uvu/assert';
import { call } from './gateway.ts';

/** Asks the admin API of a running gateway; an order is a POST. */
export function adminOf(port: () => number, token: string) {
  const reply = (path: string, order?: object) =>
    call(port(), {
      method: order ? 'POST' : 'GET',
      path: `/admin${path}`,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(order && { body: JSON.stringify(order) }),
    });
  return {
    reply,
    ask: async <T>(path: string, order?: object): Promise<T> => {
      const { status, body } = await reply(path, order);
      assert.ok(status < 300, `${status} ${body}`);
      return JSON.parse(body) as T;
    },
  };
}
