/** The domain that a shop's name, domain or URL stands for: lower case, without scheme, port and path; undefined if it is none. */
export function shopDomain(text: string): string | undefined {
  const trimmed = text.trim();
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  const host = URL.canParse(url) ? new URL(url).hostname.toLowerCase() : '';
  return host.replace(/\.$/, '') || undefined;
}
