/** What one complete HTTP answer said. */
export interface Answer {
  readonly status: number;
  /** `X-Events-Accepted`, or undefined where the server does not send it (the ceiling). */
  readonly accepted: number | undefined;
}

/**
 * Reads answers off one connection, one at a time, since the next request waits for the last answer. Give it each chunk as
 * it comes; it gives the answer once it is complete. Only answers with a Content-Length: it throws at any other.
 */
export function answerReader(): (chunk: Buffer) => Answer | undefined {
  let pending: Buffer | undefined;
  return (chunk) => {
    const bytes = pending ? Buffer.concat([pending, chunk]) : chunk;
    const answer = complete(bytes);
    pending = answer ? undefined : bytes;
    return answer;
  };
}

function complete(bytes: Buffer): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end).toLowerCase();
  const length = numberAfter(head, '\r\ncontent-length: ');
  const status = Number(head.slice(9, 12));
  if (length === undefined && status !== 204)
    throw new Error(`expected an answer with Content-Length, got: ${head.slice(0, 300)}`);
  if (bytes.length < end + 4 + (length ?? 0)) return undefined;
  return { status, accepted: numberAfter(head, '\r\nx-events-accepted: ') };
}

function numberAfter(head: string, name: string): number | undefined {
  const at = head.indexOf(name);
  if (at < 0) return undefined;
  const from = at + name.length;
  const end = head.indexOf('\r\n', from);
  return Number(head.slice(from, end < 0 ? undefined : end));
}
