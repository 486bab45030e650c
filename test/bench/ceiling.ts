import { createServer } from 'node:http';

/**
 * The most that node:http can do for this work: read the body, parse it, answer as the gateway does. Every figure of the
 * benchmark is a ratio to this, because absolute ones change with the machine. Serves until it is killed.
 */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [only] = chunks;
    JSON.parse((chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString());
    response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': '4' });
    response.end('null');
  });
});
server.keepAliveTimeout = 95_000;
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => process.send?.('listening'));
