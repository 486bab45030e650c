/** An authority that all parsers read alike. Others are left to Koa, which refuses those that cannot be parsed. */
const ABSOLUTE = /^https?:\/\/(?:[\w.~!$&'()*+,;=:-]*@)?(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d*)?(?=[/?#]|$)/i;
/** Letters, digits and - . _ ~, which mean the same with and without their percent sign (RFC 3986, 6.2.2.2). */
const UNRESERVED = /%(2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/gi;

/** The path of a request target as sent, without its query. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

/**
 * Gives what writes a request target as the contracts do, where it means one of these paths: in full form, with slashes doubled or at its end (a base
 * URL and a path that were joined), or with letters behind percent signs. Any other target is given back as it came: what reads like a path of the
 * admin API is one only where it is written like one.
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
