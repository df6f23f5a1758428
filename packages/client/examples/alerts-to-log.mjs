/**
 * Alerts into a log file, one line of JSON each, however often this program or its connection is restarted: each alert once.
 *
 *     TICKCAST_TOKEN=$(npx tickcast token --sub logger) node alerts-to-log.mjs ws://localhost:8001/api/v1/websocket alerts.log
 *
 * The log is the memory too: its last line says which alert was the last ({epoch, seq}), and the next run asks for all since.
 * An alert and its position are written together, so that no moment to be killed in loses one or writes it twice. What the
 * server can no longer replay (after 24 h, or 10,000 alerts) is noted as a gap. Ctrl-C ends it; exit code 1 is for an error.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { env } from 'node:process';
import { Tickcast } from '@tickcast/client';

const [url, file] = process.argv.slice(2);
if (url === undefined || file === undefined || !env.TICKCAST_TOKEN) {
  console.error('usage: TICKCAST_TOKEN=TOKEN node alerts-to-log.mjs URL LOG_FILE');
  process.exit(2);
}

const { since, known } = readLog();
const client = new Tickcast(url, { token: env.TICKCAST_TOKEN, maxAttempts: Infinity, lang: 'en' });
client.on('state', ({ state, previous }) => console.error(`${previous} -> ${state}`));
client.on('error', (error) => console.error(`${error.code}: ${error.message}`));
client.on('gap', ({ from, to, lost, declared }) => write({ gap: { from, to, lost, declared } }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void client.close());

try {
  const alerts = client.alerts(since ? { since } : {});
  await alerts.ready;
  if (since === null) writeStart();
  for await (const { epoch, seq, published_at, data } of alerts) {
    if (known.has(nameOf({ seq, published_at }))) continue;
    const { timestamp, level, source, message } = data;
    write({ epoch, seq, published_at, time: new Date(timestamp * 1000).toISOString(), level, source, message });
  }
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}

/** From here on nothing is to be missed, also when this run ends before the first alert. */
function writeStart() {
  const { epoch, lastSeq } = client.streams().find(({ channel }) => channel === 'alerts') ?? {};
  if (epoch) write({ epoch, seq: lastSeq, start: new Date().toISOString() });
}

function write(line) {
  appendFileSync(file, `${JSON.stringify(line)}\n`, { flush: true });
}

/**
 * `since`: the last position with an epoch. What stands behind it came while the new epoch had no name yet, and will come
 * again: `known`.
 */
function readLog() {
  if (!existsSync(file)) return { since: null, known: new Set() };
  const bytes = readFileSync(file);
  // A line that a crash cut short was not written: its alert comes again.
  const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1);
  if (whole.length < bytes.length) truncateSync(file, whole.length);
  const lines = whole.toString().split('\n').filter(Boolean);
  const positions = lines.map((line) => JSON.parse(line)).filter(({ seq }) => seq !== undefined);
  const last = positions.findLastIndex(({ epoch }) => epoch);
  const { epoch, seq } = positions[last] ?? {};
  return { since: epoch ? { epoch, seq } : null, known: new Set(positions.slice(last + 1).map(nameOf)) };
}

function nameOf({ seq, published_at }) {
  return `${seq} ${published_at}`;
}
