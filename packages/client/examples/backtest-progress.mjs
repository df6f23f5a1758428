/**
 * Follows one backtest with a progress bar until it ends.
 *
 *     TICKCAST_TOKEN=$(npx tickcast token --sub me) node backtest-progress.mjs ws://localhost:8001/api/v1/websocket bt_123456
 *
 * Exit codes: 0 completed; 1 failed or cancelled; 2 wrong usage; 3 the connection was given up, or refused. A backtest that
 * ended before is told as well: its final status stays as the last value for 7 days.
 */
import { env } from 'node:process';
import { Tickcast } from '@tickcast/client';

const WIDTH = 30;
const FINAL = new Set(['completed', 'failed', 'cancelled']);

const [url, id] = process.argv.slice(2);
if (url === undefined || id === undefined || !env.TICKCAST_TOKEN) {
  console.error('usage: TICKCAST_TOKEN=TOKEN node backtest-progress.mjs URL BACKTEST_ID');
  process.exit(2);
}

const client = new Tickcast(url, { token: env.TICKCAST_TOKEN, lang: 'en' });
try {
  for await (const { data } of client.backtestProgress(id)) {
    show(data);
    if (!FINAL.has(data.status)) continue;
    process.exitCode = data.status === 'completed' ? 0 : 1;
    break;
  }
} catch (error) {
  console.error(`\n${error.code}: ${error.message}`);
  process.exitCode = 3;
} finally {
  await client.close();
}

/** On a terminal one line that is drawn anew, elsewhere a line each time. */
function show({ progress, current_date, estimated_remaining, status }) {
  const done = Math.floor(progress * WIDTH);
  const bar = `${'#'.repeat(done)}${'-'.repeat(WIDTH - done)}`;
  const rest = FINAL.has(status) ? status : `${Math.ceil(estimated_remaining / 60)} min left`;
  const line = `[${bar}] ${String(Math.floor(progress * 100)).padStart(3)} %  ${current_date}  ${rest}`;
  const { isTTY } = process.stdout;
  process.stdout.write(isTTY ? `\r\u001B[K${line}${FINAL.has(status) ? '\n' : ''}` : `${line}\n`);
}
