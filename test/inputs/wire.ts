import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { call, type Reply } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import type { Sent } from './row.ts';

/** Sends it, and gives all answers; one of the status 0 where none came. */
export async function exchange(port: number, sent: Sent): Promise<readonly Reply[]> {
  try {
    return sent.raw === undefined ? [await asked(port, sent)] : await answersTo(port, sent);
  } catch (error) {
    return [{ status: 0, headers: {}, body: String(error) }];
  }
}

function asked(port: number, { method = 'POST', path = '/', headers = {}, body = '' }: Sent): Promise<Reply> {
  if (!['GET', 'HEAD'].includes(method)) return call(port, { method, path, headers, body });
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
    });
    request.on('error', reject).end();
  });
}

/** Sends bytes as they are and reads what is answered, until as many answers are here as asked for or the connection ends. */
async function answersTo(port: number, { raw = '', answers = 1 }: Sent): Promise<Reply[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  let text = '';
  let isOver = false;
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isOver = true;
  });
  try {
    const pieces: readonly (string | Buffer)[] = typeof raw === 'string' || Buffer.isBuffer(raw) ? [raw] : raw;
    for (const [at, piece] of pieces.entries()) {
      if (at > 0) await wait(20);
      socket.write(piece);
    }
    await until(() => isOver || repliesIn(text).length >= answers);
    return repliesIn(text);
  } finally {
    socket.destroy();
  }
}

/** The whole answers in what came over a connection. Those of the gateway state their length, or have no body. */
function repliesIn(text: string): Reply[] {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return [];
  const [line = '', ...fields] = text.slice(0, end).split('\r\n');
  const status = Number(line.split(' ')[1]);
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const from = end + 4;
  const length = Number(headers['content-length'] ?? 0);
  if (text.length < from + length) return [];
  const rest = repliesIn(text.slice(from + length));
  return status === 100 ? rest : [{ status, headers, body: text.slice(from, from + length) }, ...rest];
}
