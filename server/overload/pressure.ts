/** What an overloaded gateway refuses: nothing, bodies of the lower priority (browse events), or everything. */
export type Pressure = 'none' | 'browse' | 'all';
