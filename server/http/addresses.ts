/** A full URL with a host that all parsers read alike. Koa gets any other one, and refuses what it cannot parse. */
const ABSOLUTE = /^https?:\/\/(?:[\w.~!$&'()*+,;=:-]*@)?(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d*)?(?=[/?#]|$)/i;
/** Percent-encoded letters, digits and - . _ ~. Encoding them changes nothing (RFC 3986, 6.2.2.2). */
const UNRESERVED = /%(2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/gi;

/** The path of a request target as sent, without its query. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

/**
 * Gives a function that rewrites a request target to the path that it means, if that is one of `paths`. The target may be a full URL, have
 * doubled slashes or one at its end (a base URL and a path that were joined), or percent-encoded letters. Any other target is returned
 * unchanged, so a path of the admin API must be written exactly.
 */
export function createAddresses(paths: ReadonlySet<string>): (target: string) => string {
  return (target) => {
    const path = pathOf(target);
    if (paths.has(path)) return target;
    const own = path.replace(ABSOLUTE, '');
    const plain = `/${own
      .replace(UNRESERVED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .split('/')
      .filter((part) => part !== '')
      .join('/')}`;
    return paths.has(plain) && (own === '' || own.startsWith('/')) ? plain + target.slice(path.length) : target;
  };
}
