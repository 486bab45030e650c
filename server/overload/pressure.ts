/** What a gateway in need takes no longer: nothing is refused, events that are worth less (browse events), or all. */
export type Pressure = 'none' | 'browse' | 'all';
