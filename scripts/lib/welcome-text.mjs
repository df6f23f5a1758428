/**
 * What `npm start` prints once all is up: lines to paste.
 *
 * @param {{ urls: string[], adminUrls: string[], workers: string[], redisUrl: string, printableRedisUrl: string, prefix: string, token: string }} session
 */
export function welcomeText({ urls, adminUrls, workers, redisUrl, printableRedisUrl, prefix, token }) {
  const [url] = urls;
  const page = url.replace('ws:', 'http:').replace(/\/api.*/, '/');
  const alert = { level: 'warning', message: '内存使用率超过80%', timestamp: Date.now() / 1000, source: 'monitoring' };
  const frame = JSON.stringify({ type: 'alerts', data: alert });
  return `
Tickcast is running. The quotes are a SIMULATION: a random walk, not the market. So are the data of the sample backtest.

  edges    ${urls.join('\n           ')}
  health   ${adminUrls.map((admin) => `${admin}/readyz`).join('  ')}
  metrics  ${adminUrls.map((admin) => `${admin}/metrics`).join('  ')}
  queues   ${workers[0]}/queues
  Redis    ${printableRedisUrl}
  logs     .tickcast/logs/

A token for everything, good for a day:

${token}

Live quotes, in another terminal of this folder:

npx tickcast tail market_data 0700.HK

A board of them in a browser (the address that it prints, with #token= and the token behind it):

node packages/client/examples/board/serve.mjs

The others: npx tickcast tail agent_status (or backtest_progress, or alerts). A backtest of your own:

npx tickcast backtest run --strategy ma_crossover --symbol 0700.HK --days-per-second 50

From Python (pip install websockets):

python3 -c "
import asyncio, json, websockets
async def main():
    headers = {'Authorization': 'Bearer ${token}'}
    async with websockets.connect('${url}', additional_headers=headers) as ws:
        await ws.send(json.dumps({'type': 'subscribe', 'channel': 'market_data', 'symbol': '0700.HK'}))
        async for message in ws:
            print(message)
asyncio.run(main())"

From a browser: open ${page} (it answers 404, that is fine) and paste into its console:

ws = new WebSocket('${url}', ['Authorization', '${token}']); ws.onopen = () => ws.send(JSON.stringify({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' })); ws.onmessage = (event) => console.log(event.data)

Publish an alert as any other service would, and see it arrive with: npx tickcast tail alerts

${redisCli(redisUrl)} FCALL tickcast_publish 1 '${prefix}{alerts}' '${frame}'

Ctrl-C stops all of it.
`;
}

function redisCli(redisUrl) {
  const { hostname, port, username, password, pathname } = new URL(redisUrl);
  const plain = username === '' && password === '' && /^\/?$/.test(pathname);
  if (!plain) return 'redis-cli -u "$TICKCAST_REDIS_URL"';
  return hostname === '127.0.0.1' ? `redis-cli -p ${port || 6379}` : `redis-cli -h ${hostname} -p ${port || 6379}`;
}
