import { join } from 'node:path';
import { copyBuild } from '../chaos/build-copy.ts';
import { built } from './built.ts';

/** What waits in the gateway, and how much shorter it waits here. That the waits themselves are right, their own tests say. */
const shorter = [
  // Before a web process that ended early is replaced.
  { file: 'server/process/web-processes.js', piece: '1000 * 2 **', by: '10 * 2 **' },
  // Before a new configuration is tried again, and between two looks at its file.
  { file: 'server/process/reloading.js', piece: 'RELOAD_AGAIN_MS = 5000', by: 'RELOAD_AGAIN_MS = 50' },
  { file: 'server/config/watch.js', piece: 'intervalMs = 1000', by: 'intervalMs = 50' },
];

/** The main.js of a copy of the build, in a folder, that tries again without waiting seconds. For `startMain`. */
export const hastyBuild = (folder: string): string => copyBuild(built(), join(folder, 'hasty'), shorter);
