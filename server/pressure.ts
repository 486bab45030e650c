/** What a gateway in need takes no longer: nothing is refused, events that are worth less (browse events), or all. */
export type Pressure = 'none' | 'browse' | 'all';

/** Something that can be short: a disk, a processor. Asked for each request, so it answers from what it knows already. */
export interface PressureSource {
  pressure(): Pressure;
}

const LEVELS: readonly Pressure[] = ['none', 'browse', 'all'];

/** The worst of several. */
export const worst = (pressures: readonly Pressure[]): Pressure =>
  LEVELS.findLast((level) => pressures.includes(level)) ?? 'none';
