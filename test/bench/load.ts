import { connect, type Socket } from 'node:net';
import { type Answer, answerReader } from './answers.ts';
import { copyOf, randomBits, renew, type Template, template } from './bodies.ts';
import { type Latencies, latencies } from './latencies.ts';
import { cpuSeconds, ownMemoryMb } from './processes.ts';

export interface LoadOptions {
  readonly port: number;
  readonly token: string;
  readonly events: number;
  readonly connections: number;
  readonly warmupSeconds: number;
  readonly seconds: number;
  readonly seed: number;
  /** The process that is measured. */
  readonly pid: number;
  /** Requests per second, sent at their time whatever the server does. Absent: each connection sends as soon as it is answered. */
  readonly rate?: number;
  /** Stop after this many requests, if they come before the time is over. */
  readonly requests?: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** Answered with 2xx, every event accepted. */
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  /** By status, answers that were not 2xx, and 'short' for 2xx that did not accept every event. */
  readonly failures: Readonly<Record<string, number>>;
  /** Share of one core that the server and this generator used: who was the bottleneck. */
  readonly serverCpu: number | undefined;
  readonly generatorCpu: number;
  readonly memoryMb: number | undefined;
}

/** One keep-alive connection with a request buffer of its own. */
interface Lane {
  readonly socket: Socket;
  readonly request: Template;
  /** When the request on its way was sent, or was due. */
  since: number;
}

/** Runs the load in this process. Latencies of a paced load count from the moment a request was due, so a stall is not hidden; they include up to 1 ms of the timer. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const bits = randomBits(options.seed);
  const meter = meterOf(options);
  const blank = template(options.events, options.token);
  const idle: Lane[] = [];
  const lanes: Lane[] = [];
  let sent = 0;
  let running = true;
  let sendDue = () => {};
  const send = (lane: Lane, since: number) => {
    sent += 1;
    lane.since = since;
    renew(lane.request, bits);
    lane.socket.write(lane.request.bytes);
  };
  let lose = (_: Error) => {};
  const broken = new Promise<never>((_, reject) => {
    lose = reject;
  });
  // Until it is awaited below, a rejection has nobody to handle it.
  broken.catch(() => {});
  const answered = (lane: Lane, answer: Answer) => {
    meter.count(performance.now() - lane.since, answer);
    if (options.requests !== undefined && sent >= options.requests) running = false;
    if (running && options.rate === undefined) return send(lane, performance.now());
    idle.push(lane);
    if (running) sendDue();
  };
  for (let index = 0; index < options.connections; index += 1)
    lanes.push(await laneTo(options.port, blank, answered, lose));
  idle.push(...lanes);

  meter.start();
  const end = performance.now() + (options.warmupSeconds + options.seconds) * 1000;
  if (options.rate === undefined) for (const lane of idle.splice(0)) send(lane, performance.now());
  else sendDue = pacer(options.rate, idle, send);
  // A timer of 1 ms, not a loop that spins: on a small machine that would take the processor from the disk's own threads.
  const ticks = setInterval(() => sendDue(), 1);
  await Promise.race([broken, polled(() => !running || performance.now() >= end)]);
  clearInterval(ticks);
  running = false;
  const result = meter.stop();
  await Promise.race([broken, polled(() => idle.length === lanes.length || performance.now() > end + 10_000)]);
  for (const lane of lanes) lane.socket.destroy();
  return result;
}

/** Connects. A connection that ends before we end it is an error: the server would look faster with fewer. */
function laneTo(
  port: number,
  blank: Template,
  answered: (lane: Lane, answer: Answer) => void,
  lose: (error: Error) => void,
): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const lane: Lane = { socket, request: copyOf(blank), since: 0 };
    const read = answerReader();
    const fail = (error: Error) => {
      reject(error);
      lose(error);
    };
    socket.on('data', (chunk) => {
      const answer = read(chunk);
      if (answer) answered(lane, answer);
    });
    socket.once('connect', () => resolve(lane));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('expected the server to keep the connection open, it closed it')));
  });
}

/** Gives a function that sends what is due by now, as far as connections are free; call it often. */
function pacer(rate: number, idle: Lane[], send: (lane: Lane, due: number) => void): () => void {
  const interval = 1000 / rate;
  let due = performance.now();
  return () => {
    for (const now = performance.now(); due <= now; due += interval) {
      const lane = idle.pop();
      if (!lane) return;
      send(lane, due);
    }
  };
}

function polled(over: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!over()) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}

/** Counts what comes between the end of the warm-up and the end. */
function meterOf({ pid, warmupSeconds, events }: LoadOptions) {
  const times: Latencies = latencies();
  let requests = 0;
  let failures: Record<string, number> = {};
  let begin = { at: 0, server: cpuSeconds(pid), own: process.cpuUsage() };
  const reset = () => {
    times.clear();
    requests = 0;
    failures = {};
    begin = { at: performance.now(), server: cpuSeconds(pid), own: process.cpuUsage() };
  };
  return {
    start() {
      reset();
      if (warmupSeconds > 0) setTimeout(reset, warmupSeconds * 1000);
    },
    count(milliseconds: number, { status, accepted }: Answer) {
      const failure =
        status < 200 || status > 299 ? String(status) : (accepted ?? events) < events ? 'short' : undefined;
      if (failure) failures[failure] = (failures[failure] ?? 0) + 1;
      else requests += 1;
      times.add(milliseconds);
    },
    stop(): LoadResult {
      const seconds = (performance.now() - begin.at) / 1000;
      const own = process.cpuUsage(begin.own);
      const server = cpuSeconds(pid);
      return {
        seconds,
        requests,
        p50: times.percentile(0.5),
        p99: times.percentile(0.99),
        failures,
        serverCpu: server === undefined || begin.server === undefined ? undefined : (server - begin.server) / seconds,
        generatorCpu: (own.user + own.system) / 1e6 / seconds,
        memoryMb: ownMemoryMb(pid),
      };
    },
  };
}

// Started as a process of its own, so that it can have a core of its own: options in, result out, both as JSON.
if (process.argv[1] === import.meta.filename) {
  const result = await load(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
  process.stdout.write(JSON.stringify(result));
  process.exit(0);
}
