import { type Dialect, RequestRefused, TooManyRequests } from '../../adapters/dialects/dialect.ts';
import { LogUnavailable } from '../../adapters/logs/log.ts';
import { KnownError } from '../base/errors.ts';
import { type Answer, countsOf } from '../ingest/ingest.ts';
import type { RefusedRequest } from '../ingest/refusals.ts';
import { Overloaded } from '../overload/load.ts';

// The two tables from errors to HTTP: of requests that bring events, in the words of their dialects, and of everything else.

const FAULT = 'Something went wrong here. The request id names the log line.';

/** Everything that follows when a request for events fails. */
export interface Refusal {
  /** Status, body and headers. */
  readonly answer: Answer;
  /** Whether the answer is delayed, so that a gateway short of CPU or memory is not busy with refusals. */
  readonly isDelayed: boolean;
  /** Whether the error is a fault of the gateway, to be logged. */
  readonly isFault: boolean;
  /** What is counted, shown in the tail and logged. Absent if the gateway is to blame and not the request. */
  readonly leaves: Pick<RefusedRequest, 'reason' | 'message' | 'isKept'> | undefined;
}

/** Decides what an error means for the client of an event request and for the operator. */
export function refusalOf(error: unknown, dialect: Dialect): Refusal {
  const refused = refusedFor(error);
  const { status, refusal, reason, message } = refused;
  const headers: Record<string, string> = countsOf({ accepted: 0, duplicate: 0, rejected: refusal ? 1 : 0 });
  const seconds = retryAfterSeconds(refused);
  if (seconds !== undefined) headers['Retry-After'] = String(seconds);
  const isToBlame = status !== 429 && status < 500;
  return {
    answer: { ...dialect.refused(refused), headers },
    isDelayed: refused instanceof Overloaded && refused.isDelayed,
    isFault: refused.status === 500,
    leaves: isToBlame ? { reason, message, isKept: refusal !== undefined } : undefined,
  };
}

function refusedFor(error: unknown): RequestRefused {
  if (error instanceof RequestRefused) return error;
  if (error instanceof LogUnavailable) return new RequestRefused(503, 'the event could not be stored; send it again');
  return new RequestRefused(500, FAULT);
}

function retryAfterSeconds(refused: RequestRefused): number | undefined {
  if (refused instanceof TooManyRequests || refused instanceof Overloaded) return refused.seconds;
  return refused.status === 503 || refused.status === 429 ? 1 : undefined;
}

/** An answer to anything but events. */
export interface ErrorAnswer {
  readonly status: number;
  readonly message: string;
  readonly retryAfterSeconds?: number | undefined;
  /** Whether the error is a fault of the gateway, to be logged. */
  readonly isFault: boolean;
}

/** Decides how any other request is answered that failed. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof KnownError) {
    const { status, message } = error;
    return { status, message, retryAfterSeconds: error.retryAfterSeconds, isFault: false };
  }
  if (error instanceof LogUnavailable)
    return { status: 503, message: `The log cannot be reached now (${error.message}); try again.`, isFault: false };
  // `expose` says whether clients may see the message of an error from Koa.
  const { status = 500, expose = false, message } = error as Error & { status?: number; expose?: boolean };
  return { status, message: expose ? message : FAULT, isFault: status >= 500 };
}
