import type { Credentials, Dialect, InboundRequest } from './dialect.ts';

/** A header's value; undefined if blank. The first one counts if it was sent twice. */
export function header({ headers }: InboundRequest, name: string): string | undefined {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value)?.trim() || undefined;
}

/** The token of an `Authorization: Bearer …` header. */
export const bearer = (request: InboundRequest): string | undefined =>
  /^bearer\s+(\S+)$/i.exec(header(request, 'authorization') ?? '')?.[1];

/** The token of `?token=`, as sent. Many clients do not encode a plus, which a query decodes as a blank; no token has blanks. */
export function queryToken(request: InboundRequest): Credentials {
  const sent = request.query('token');
  const token = sent?.trim() || undefined;
  return token !== undefined && sent?.includes(' ')
    ? { token, otherwise: sent.replaceAll(' ', '+').trim() }
    : { token };
}

const longestKept = 200;

/** The headers that a dialect asks to keep, for the context; undefined if there is none of them. */
export function keptHeaders({ kept = [] }: Dialect, request: InboundRequest): Record<string, string> | undefined {
  const found = kept.flatMap((name) => {
    const value = header(request, name);
    return value === undefined ? [] : [[name, value.slice(0, longestKept)] as const];
  });
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}
