import type { InboundRequest } from './dialect.ts';

/** A header's value; a blank one says nothing. Where a header came twice, the first counts. */
export function header({ headers }: InboundRequest, name: string): string | undefined {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value)?.trim() || undefined;
}
