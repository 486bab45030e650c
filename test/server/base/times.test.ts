import * as assert from 'uvu/assert';
import { timeOf } from '../../../server/base/times.ts';
import { describe } from '../../support/describe.ts';

const NOW = Date.parse('2026-06-15T10:30:00.500Z');

describe('a time as people write it', ({ it }) => {
  for (const [text, time] of [
    ['2026-06-01', '2026-06-01T00:00:00.000Z'],
    ['2026-06-01T12:00:00Z', '2026-06-01T12:00:00.000Z'],
    ['2026-06-01T12:00+02:00', '2026-06-01T10:00:00.000Z'],
    ['now', '2026-06-15T10:30:00.500Z'],
    ['today', '2026-06-15T00:00:00.000Z'],
    ['yesterday', '2026-06-14T00:00:00.000Z'],
    ['90s', '2026-06-15T10:28:30.500Z'],
    ['30m', '2026-06-15T10:00:00.500Z'],
    ['2h', '2026-06-15T08:30:00.500Z'],
    ['7d', '2026-06-08T10:30:00.500Z'],
    ['1w', '2026-06-08T10:30:00.500Z'],
    ['0h', '2026-06-15T10:30:00.500Z'],
  ] as const) {
    it(`is ${text}`, () => assert.is(timeOf(text, NOW), time));
  }

  for (const text of [
    '',
    '2',
    'h',
    '-2h',
    '2y',
    '2hh',
    '2026-02-31',
    '2026-06-01T12:00:00',
    '2026-13-01',
    '999999999w',
    'tomorrow',
    '1e3h',
  ])
    it(`is not "${text}"`, () => assert.is(timeOf(text, NOW), undefined));
});
