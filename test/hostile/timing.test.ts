import * as assert from 'uvu/assert';
import { createGate } from '../../server/admin/login.ts';
import { createShops } from '../../server/ingest/shops.ts';
import { describe } from '../support/describe.ts';
import { configOf } from '../support/gateway.ts';

const SAMPLES = 50_000;

/**
 * Welch's t of the time that a check takes for two tokens, which come in random order. Beyond 4.5 they differ for certain. The slowest
 * tenth of both is left out: those were interrupted.
 */
function difference(check: (token: string) => unknown, tokens: readonly [string, string]): number {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < SAMPLES * 2; i += 1) {
    const which = Math.random() < 0.5 ? 0 : 1;
    // A fresh text each time, as it comes out of a header.
    const token = Buffer.from(tokens[which]).toString('latin1');
    const started = process.hrtime.bigint();
    check(token);
    times[which].push(Number(process.hrtime.bigint() - started));
  }
  const [a, b] = times.map((all) => all.sort((x, y) => x - y).slice(0, Math.floor(all.length * 0.9)));
  const { mean: meanA, variance: varianceA } = statistics(a ?? []);
  const { mean: meanB, variance: varianceB } = statistics(b ?? []);
  return (meanA - meanB) / Math.sqrt(varianceA / (a?.length ?? 1) + varianceB / (b?.length ?? 1));
}

function statistics(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance };
}

const right = `shpat_${'a'.repeat(32)}`;
const nearly = `${right.slice(0, -1)}b`;
const wrong = `${'z'.repeat(6)}${'b'.repeat(32)}`;

/** The smallest of five: a difference that is there is there every time. */
const least = (check: (token: string) => unknown): number =>
  Math.min(...Array.from({ length: 5 }, () => Math.abs(difference(check, [nearly, wrong]))));

describe('the time a token check takes', ({ it }) => {
  it('says nothing of a token that is nearly right', () => {
    const { byToken } = createShops(configOf(`shops: [{ shop: a.myshopify.com, tokens: [${right}] }]`));
    assert.ok(byToken(right));
    const t = least(byToken);
    assert.ok(t < 4.5, `t = ${t}`);
  });

  it('says nothing of an admin token that is nearly right', () => {
    let now = 0;
    // Guesses are a minute apart, or it would not check them at all.
    const judge = createGate({ token: right, now: () => (now += 60_001) });
    assert.is(judge(undefined, `Bearer ${right}`).kind, 'open');
    const t = least((token) => judge(undefined, `Bearer ${token}`));
    assert.ok(t < 4.5, `t = ${t}`);
  });

  it('would show a check that compares letter by letter', () => {
    const letters = (token: string) => {
      for (let at = 0; at < right.length; at += 1) if (token.charCodeAt(at) !== right.charCodeAt(at)) return false;
      return true;
    };
    assert.ok(least(letters) > 4.5, 'this measurement finds nothing');
  });
});
