import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Problem, ROOT, say, statePath } from './repo.mjs';

const KEPT_LINES = 20;
const STOP_GRACE_MS = 10_000;
const PINO_WARN = 40;
/** What ends sooner after its start would only end again. */
const TRUSTED_AFTER_MS = 5000;

/**
 * Long-running children that are stopped in order, and killed with this process however it ends.
 *
 * @param {(name: string, line: string) => void} onLine called for each line worth a person's attention
 */
export function createChildren(onLine) {
  const guardian = spawn('/bin/sh', [join(ROOT, 'packages/testing/guardian.sh')], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guardian.stdin.on('error', () => undefined);
  const children = [];
  let stopped = false;
  let isKeepingUp = false;
  let tellDeath;
  /** Rejects with a Problem that holds the last lines of the first child that ends without being stopped. */
  const death = new Promise((_resolve, reject) => (tellDeath = reject));
  death.catch(() => undefined);

  /**
   * Starts a program with its output in `.tickcast/logs/<name>.log`.
   *
   * @param {{ env?: NodeJS.ProcessEnv, ours?: boolean, flags?: string }} options `env` is its whole environment (this
   *   process's when absent); of a program of `ours`, which logs JSON, warnings are handed to `onLine`, and `keepUp` may start it
   *   again; `flags` with which its log is opened
   */
  function start(name, command, args, { env = process.env, ours = false, flags = 'w' } = {}) {
    if (stopped) throw new Problem('stopping');
    const logFile = statePath('logs', `${name}.log`);
    const log = createWriteStream(logFile, { flags });
    const startedAt = Date.now();
    const child = spawn(command, args, {
      cwd: ROOT,
      env,
      // Its own group: Ctrl-C must reach this process only, which ends the children in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const entry = { name, child, stopping: false, ended: undefined };
    const lastLines = [];
    const onLineOfOutput = (line) => {
      lastLines.push(line);
      if (lastLines.length > KEPT_LINES) lastLines.shift();
      if (ours && !entry.stopping && isWarning(line)) onLine(name, line);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', lineSplitter(onLineOfOutput));
      stream.pipe(log, { end: false });
    }
    entry.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void entry.ended.then((how) => {
      log.end();
      guardian.stdin.write(`forget ${child.pid}\n`);
      if (entry.stopping) return undefined;
      if (isKeepingUp && ours && Date.now() - startedAt >= TRUSTED_AFTER_MS) {
        say(`${name} ended (${how}), and is started again`);
        children.splice(children.indexOf(entry), 1);
        return start(name, command, args, { env, ours, flags: 'a' });
      }
      return tellDeath(
        new Problem(`${name} ended (${how}); its last lines, all are in ${logFile}:\n${lastLines.join('\n')}`),
      );
    });
    if (child.pid !== undefined) guardian.stdin.write(`watch ${child.pid}\n`);
    children.push(entry);
  }

  /** SIGTERM to the groups of children in turn, SIGKILL to what is still there 10 s later. */
  async function stop() {
    stopped = true;
    for (const entry of children) entry.stopping = true;
    for (const group of [/^edge/, /^producers/, /./]) {
      const members = children.filter(({ name, child }) => group.test(name) && child.exitCode === null);
      await Promise.all(members.map((entry) => end(entry)));
    }
  }

  return {
    start,
    get stopped() {
      return stopped;
    },
    stop,
    death,
    /** From now on a program of ours that ends is started again, so that anybody may kill one and see what that does. */
    keepUp: () => (isKeepingUp = true),
    /** Ends them now; nothing is waited for. */
    kill: () => children.forEach(({ child }) => child.kill('SIGKILL')),
    /** Has the file removed even when this process is killed. */
    removeAtEnd: (path) => guardian.stdin.write(`remove ${path}\n`),
    /** Removes what `removeAtEnd` named. */
    dismiss: () => guardian.stdin.end(),
  };
}

async function end({ child, ended }) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function lineSplitter(onLine) {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    lines.filter((line) => line !== '').forEach(onLine);
  };
}

/** A JSON line of pino's level `warn` or above, or a line that is not JSON at all (a stack). */
function isWarning(line) {
  try {
    return JSON.parse(line).level >= PINO_WARN;
  } catch {
    return true;
  }
}
