/** What one whole answer said. */
export interface Answer {
  readonly status: number;
  /** Whether it says when to come again. */
  readonly told: boolean;
}

/** Reads answers off one connection, one at a time. Gives an answer with the chunk that completes it. */
export function answerReader(): (chunk: Buffer) => Answer | undefined {
  let text = '';
  return (chunk) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = text.slice(0, end).toLowerCase();
    const [, length = '0'] = /\r\ncontent-length: (\d+)/.exec(head) ?? [];
    if (text.length < end + 4 + Number(length)) return undefined;
    text = '';
    return { status: Number(head.slice(9, 12)), told: head.includes('\r\nretry-after: ') };
  };
}
