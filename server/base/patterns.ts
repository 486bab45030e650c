/**
 * Makes a function that says whether a name matches any of the patterns (`*` stands for any text). It is fast for every pattern. Answers are
 * cached, since there are few names.
 */
export function namesMatching(patterns: readonly string[]): (name: string) => boolean {
  const compiled = patterns.map((pattern) => pattern.split('*'));
  const known = new Map<string, boolean>();
  return (name) => {
    let matches = known.get(name);
    if (matches === undefined) {
      matches = compiled.some((parts) => fits(name, parts));
      if (known.size < 1000) known.set(name, matches);
    }
    return matches;
  };
}

function fits(name: string, [head = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop();
  if (last === undefined) return name === head;
  if (!name.startsWith(head) || !name.endsWith(last) || name.length < head.length + last.length) return false;
  let at = head.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
