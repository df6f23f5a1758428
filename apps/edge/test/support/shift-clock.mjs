/**
 * Loaded into an edge before its own code (NODE_OPTIONS=--import=…): on SIGUSR2 the wall clock jumps, as when somebody sets
 * it, by the milliseconds that the process's file in `?offsets=` holds by then. What counts time without a clock goes on.
 */
import { readFileSync } from 'node:fs';

const RealDate = Date;
let offset = 0;

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offset);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + offset;
  }
};

const offsets = new URL(import.meta.url).searchParams.get('offsets');
process.on('SIGUSR2', () => {
  offset = Number(readFileSync(`${offsets}/${process.pid}`, 'utf8'));
  process.stdout.write(`the clock is off by ${offset} ms\n`);
});
