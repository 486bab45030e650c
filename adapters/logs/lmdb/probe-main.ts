import { DAMAGED, isDamage, walk } from './probe.ts';

// This process may die of a damaged file, so that the gateway does not.
try {
  walk(process.argv[2] ?? '');
} catch (error) {
  if (!isDamage(error)) throw error;
  console.error(String(error));
  process.exit(DAMAGED);
}
process.exit(0);
