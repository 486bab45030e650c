import { walk } from './lmdb-probe.ts';

// The process that may die of a damaged file, so that the gateway does not.
walk(process.argv[2] ?? '');
process.exit(0);
