/** The stack of an error, line by line. The message is left out: it may hold client data. */
export function placesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { message, stack = '' } = error;
  const lines = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.startsWith('at '));
}
