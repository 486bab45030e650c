import type { OperatorTools } from './operator.ts';

/** The configured shops and those that have something on the log; only one of them if `only` is given. */
export async function shopNames(
  { shops, store }: Pick<OperatorTools, 'shops' | 'store'>,
  only: string | undefined,
): Promise<string[]> {
  const names = new Set([...shops().all.map(({ config }) => config.shop), ...(await store.log.shops())]);
  return [...names].filter((shop) => only === undefined || shop === only);
}

/** Whether a moment (milliseconds since 1970) lies between two times in ISO 8601; `to` is not included. */
export const within = (at: number, { from, to }: { readonly from?: string; readonly to?: string }): boolean =>
  (from === undefined || at >= Date.parse(from)) && (to === undefined || at < Date.parse(to));
