/** What an overloaded gateway refuses: nothing, bodies of the lower priority (browse events), or everything. */
export type Pressure = 'none' | 'browse' | 'all';

/** What is short: processor time, memory for bodies, room on the disk, or connections. */
export type Shortage = 'delay' | 'memory' | 'disk' | 'connections';

export interface CurrentPressure {
  readonly pressure: Pressure;
  readonly shortage: Shortage;
}

const LEVELS: Readonly<Record<Pressure, number>> = { none: 0, browse: 1, all: 2 };

/** The higher pressure; the first if they are alike. */
export const worse = (a: CurrentPressure, b: CurrentPressure): CurrentPressure =>
  LEVELS[b.pressure] > LEVELS[a.pressure] ? b : a;
