import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A pooler in front of a PostgreSQL that asks for no password. */
export interface Pooler {
  readonly url: string;
  close(): Promise<void>;
}

interface Session {
  readonly socket: Socket;
  /** Called with each whole message of the server. */
  tell: (message: Buffer) => void;
}

const READY = 'Z'.charCodeAt(0);
const IDLE = 'I'.charCodeAt(0);

/**
 * Hands its few sessions on, as poolers do: to each transaction whichever is free, the one that was used last first, or to each client one
 * of its own. Tells clients made-up numbers of server processes. Speaks no TLS.
 */
export async function startPooler(url: string, mode: 'transaction' | 'session', sessions = 2): Promise<Pooler> {
  const server = new URL(url);
  const sockets = new Set<Socket>();
  const free = await Promise.all(Array.from({ length: sessions }, () => openSession(server, sockets)));
  const waiting: (() => void)[] = [];
  const take = async (): Promise<Session> => {
    for (;;) {
      const session = free.pop();
      if (session) return session;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const give = (session: Session): void => {
    free.push(session);
    waiting.shift()?.();
  };
  const listener = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {}).on('close', () => sockets.delete(client));
    serve(client, mode, take, give);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    url: `postgres://${server.username}@127.0.0.1:${port}${server.pathname}`,
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serve(
  client: Socket,
  mode: 'transaction' | 'session',
  take: () => Promise<Session>,
  give: (session: Session) => void,
): void {
  let session: Promise<Session> | undefined;
  const release = (): void => {
    void session?.then(give);
    session = undefined;
  };
  client.on('close', release);
  let hasStarted = false;
  // Messages before the start of a session have no type.
  onMessages(
    client,
    () => (hasStarted ? 1 : 0),
    async (message) => {
      if (!hasStarted) {
        const isTls = message.readInt32BE(4) === 80877103;
        if (isTls) return client.write('N');
        hasStarted = true;
        const parameter = (name: string, value: string) => typed('S', Buffer.from(`${name}\0${value}\0`));
        return client.write(
          Buffer.concat([
            typed('R', Buffer.alloc(4)),
            parameter('server_version', '18.0'),
            parameter('client_encoding', 'UTF8'),
            typed('K', Buffer.from([0, 0, 0, 7, 0, 0, 0, 7])),
            typed('Z', Buffer.from('I')),
          ]),
        );
      }
      if (message[0] === 'X'.charCodeAt(0)) return client.end();
      session ??= take();
      const { socket } = await session.then((one) => {
        one.tell = (answer) => {
          client.write(answer);
          if (mode === 'transaction' && answer[0] === READY && answer[5] === IDLE) release();
        };
        return one;
      });
      socket.write(message);
    },
  );
}

function openSession(server: URL, sockets: Set<Socket>): Promise<Session> {
  const socket = connect(Number(server.port), server.hostname);
  sockets.add(socket);
  const fields = ['user', server.username, 'database', server.pathname.slice(1), '', ''].join('\0');
  const start = Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from(fields)]);
  socket.on('error', () => {}).write(Buffer.concat([length(start.length + 4), start]));
  return new Promise((resolve) => {
    const session: Session = {
      socket,
      tell: (message) => {
        if (message[0] === READY) resolve(session);
      },
    };
    onMessages(
      socket,
      () => 1,
      (message) => session.tell(message),
    );
  });
}

/** Cuts what comes into messages; `typeBytes`: how many come before the length. */
function onMessages(socket: Socket, typeBytes: () => number, handle: (message: Buffer) => unknown): void {
  let buffer = Buffer.alloc(0);
  let last: Promise<unknown> = Promise.resolve();
  socket.on('data', (bytes: Buffer) => {
    buffer = Buffer.concat([buffer, bytes]);
    last = last.then(async () => {
      for (;;) {
        const before = typeBytes();
        if (buffer.length < before + 4) return;
        const end = before + buffer.readInt32BE(before);
        if (buffer.length < end) return;
        const message = buffer.subarray(0, end);
        buffer = buffer.subarray(end);
        await handle(message);
      }
    });
  });
}

const length = (bytes: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(bytes);
  return buffer;
};

const typed = (type: string, body: Buffer): Buffer => Buffer.concat([Buffer.from(type), length(body.length + 4), body]);
