import { once } from 'node:events';
import { pino } from 'pino';
import { readConfig } from './config.ts';
import { openOutlet } from './outlet.ts';
import { runSimulation } from './simulation.ts';

const config = readConfig();
const log = pino({ level: config.logLevel, base: { process: 'producers' } });
log.info('this is a SIMULATION: quotes are a random walk, not the market');

const stop = new AbortController();
const stopped = once(stop.signal, 'abort');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const outlet = openOutlet(config, log);
await Promise.race([outlet.opened, stopped]);
await runSimulation(outlet, stop.signal);
outlet.close();
log.info('stopped');
