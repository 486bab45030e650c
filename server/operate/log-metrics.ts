import type { Registry } from 'prom-client';
import { LEVELS } from '../log/disk.ts';
import { gauge } from './metric-kinds.ts';
import type { MetricsSources } from './metrics.ts';

/** The room on the log's disk. */
export function watchDiskRoom(registry: Registry, { disk }: MetricsSources): void {
  // A log that is elsewhere has no disk here.
  if (disk.room() === undefined) return;
  gauge(registry, 'gateway_disk_free_bytes', 'Room for the log: free on its disk, and inside its file.', (free) =>
    free.set(disk.room()?.freeBytes ?? 0),
  );
  gauge(
    registry,
    'gateway_disk_level',
    'Room on the disk of the log: 4 enough, 3 low, 2 browse events are refused, 1 all events, 0 deliveries wait too.',
    (level) => level.set(LEVELS.indexOf(disk.room()?.level ?? 'enough')),
  );
}

/** What was found damaged on the log. */
export function watchDamage(registry: Registry, { damage }: MetricsSources): void {
  gauge(
    registry,
    'gateway_log_damaged_since_seconds',
    'When damage of the log was first noticed by this process, in seconds since 1970; 0 if none was.',
    (since) => since.set((damage()?.since ?? 0) / 1000),
  );
  gauge(registry, 'gateway_log_damaged_files', 'Files of the log that were found damaged at the start.', (files) =>
    files.set(damage()?.found.length ?? 0),
  );
  gauge(
    registry,
    'gateway_log_unreadable_events',
    'Stored events that could not be read since the start: their bytes had changed.',
    (events) => events.set(damage()?.unreadable ?? 0),
  );
}
