import { pino } from 'pino';
import { readRules } from './alerts/rules.ts';
import { readConfig } from './config.ts';
import { parseFeed } from './market/feed-words.ts';
import { startWorker } from './worker.ts';

/** A job in hand is given back within seconds; what takes longer hangs. */
const STOP_WITHIN_MS = 9000;

function readSettings() {
  const config = readConfig(process.argv.slice(2));
  const feed = config.roles.has('market') ? parseFeed(config.feed) : null;
  const rules = config.roles.has('alerts') ? readRules(config.alertRulesFile) : [];
  return { config, feed, rules };
}

function readSettingsOrExit(): ReturnType<typeof readSettings> {
  try {
    return readSettings();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

const settings = readSettingsOrExit();
const { config } = settings;
const log = pino({ level: config.logLevel, base: { worker: config.agentId } });

try {
  const worker = await startWorker({ ...settings, log });
  let isStopping = false;
  const stop = (exitCode: number): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info('stopping');
    setTimeout(() => {
      log.fatal('something did not end in time');
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    worker.stop().then(
      () => {
        log.info('stopped');
        process.exit(exitCode);
      },
      (error: unknown) => {
        log.fatal({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop(0)).on('SIGINT', () => stop(0));
  worker.failed.catch((error: Error) => {
    log.fatal({ problem: error.message }, 'can not go on');
    stop(1);
  });
} catch (error) {
  log.fatal({ problem: (error as Error).message }, 'could not start');
  process.exit(1);
}
