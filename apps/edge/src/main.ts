import { ConfigError, type EdgeConfig, readConfig } from './config.ts';
import { Edge } from './edge.ts';
import { createLog } from './log.ts';

/** Ctrl-C is somebody waiting at a terminal. */
const INTERRUPT_DRAIN_MS = 1000;

function readConfigOrExit(): EdgeConfig {
  try {
    return readConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

const config = readConfigOrExit();
const log = createLog(config.logLevel, config.nodeId);
const edge = new Edge(config, log);

let stopping = false;
function stop(drainMs: number): void {
  if (stopping) process.exit(1);
  stopping = true;
  edge.stop(drainMs).then(
    () => process.exit(0),
    (error: unknown) => {
      log.fatal({ err: error }, 'could not stop cleanly');
      process.exit(1);
    },
  );
}
process.on('SIGTERM', () => stop(config.drainMs));
process.on('SIGINT', () => stop(Math.min(INTERRUPT_DRAIN_MS, config.drainMs)));

try {
  await edge.start();
} catch (error) {
  log.fatal({ err: error }, 'could not start');
  process.exit(1);
}
