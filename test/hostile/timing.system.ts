import * as assert from 'uvu/assert';
import { createGate } from '../../server/admin/login.ts';
import { createShops } from '../../server/ingest/shops.ts';
import { describe } from '../support/describe.ts';
import { configOf } from '../support/gateway.ts';

const SAMPLES = 100_000;
/** Of each kind: every token has a digest of its own, which takes a nanosecond more or less to look up. */
const TOKENS = 40;
/** Welch's t beyond which two kinds differ for certain. */
const CERTAIN = 4.5;

const right = `shpat_${'a'.repeat(32)}`;
const LETTERS = 'bcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ';
const nearly = [...LETTERS].slice(0, TOKENS).map((letter) => `${right.slice(0, -1)}${letter}`);
const wrong = [...LETTERS].slice(0, TOKENS).map((letter) => `${letter.repeat(6)}${'b'.repeat(32)}`);

/** Welch's t of the times that a check takes for tokens that are nearly right, and for others, which come in random order. */
function difference(check: (token: string) => unknown): number {
  const tokens = [...nearly, ...wrong];
  const times = tokens.map((): number[] => []);
  for (let i = 0; i < SAMPLES; i += 1) {
    const which = Math.floor(Math.random() * tokens.length);
    // A fresh text each time, as it comes out of a header.
    const token = Buffer.from(tokens[which] ?? '').toString('latin1');
    const started = process.hrtime.bigint();
    check(token);
    times[which]?.push(Number(process.hrtime.bigint() - started));
  }
  const typical = times.map(mostlyMean);
  const [a, b] = [statistics(typical.slice(0, TOKENS)), statistics(typical.slice(TOKENS))];
  return Math.abs(a.mean - b.mean) / Math.sqrt((a.variance + b.variance) / TOKENS);
}

/** The slowest tenth is left out: those were interrupted. */
const mostlyMean = (times: number[]): number =>
  statistics(times.sort((x, y) => x - y).slice(0, Math.floor(times.length * 0.9))).mean;

function statistics(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance };
}

/** The first of five that is not certain, or the last: a difference that is there is there every time. */
function least(check: (token: string) => unknown): number {
  let t = 0;
  for (let times = 0; times < 5; times += 1) {
    t = difference(check);
    if (t < CERTAIN) return t;
  }
  return t;
}

describe('the time a token check takes', ({ it }) => {
  it('says nothing of a token that is nearly right', () => {
    const { byToken } = createShops(configOf(`shops: [{ shop: a.myshopify.com, tokens: [${right}] }]`));
    assert.ok(byToken(right));
    const t = least(byToken);
    assert.ok(t < CERTAIN, `t = ${t}`);
  });

  it('says nothing of an admin token that is nearly right', () => {
    let now = 0;
    // Guesses are a minute apart, or it would not check them at all.
    const judge = createGate({ token: right, now: () => (now += 60_001) });
    assert.is(judge(undefined, `Bearer ${right}`).kind, 'open');
    const t = least((token) => judge(undefined, `Bearer ${token}`));
    assert.ok(t < CERTAIN, `t = ${t}`);
  });

  it('would show a check that compares letter by letter', () => {
    const letters = (token: string) => {
      for (let at = 0; at < right.length; at += 1) if (token.charCodeAt(at) !== right.charCodeAt(at)) return false;
      return true;
    };
    assert.ok(least(letters) > CERTAIN, 'this measurement finds nothing');
  });
});
