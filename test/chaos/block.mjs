import { appendFileSync, readFileSync } from 'node:fs';

// Loaded into a gateway with --import: at SIGUSR2 its event loop stands still for as many milliseconds as the file says. Each time is written
// down beside it when it is over.
const file = process.env.BLOCK_FILE ?? '';
process.on('SIGUSR2', () => {
  const end = performance.now() + Number(readFileSync(file, 'utf8'));
  while (performance.now() < end);
  appendFileSync(`${file}.done`, '.');
});
