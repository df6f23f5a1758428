/** The benchmark: runs loads against our edge and others, prints a table, and writes what it measured. */
import { readConfig, UsageError } from './config.ts';
import { runBench } from './bench.ts';

async function main(): Promise<number> {
  try {
    await runBench(readConfig(process.argv.slice(2)));
    return 0;
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    return 1;
  }
}

// Not by itself: a connection of some library may still be open.
process.exit(await main());
