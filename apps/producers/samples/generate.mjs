/** Writes the sample files beside it, the same ones each time: node generate.mjs. Their prices are made up. */
import { writeFileSync } from 'node:fs';

const NOTICE = 'SYNTHETIC: a random walk, not the prices of any stock';
let state = 20241118;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state); // mulberry32
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const noise = () => random() + random() + random() - 1.5;
const whole = (most) => Math.ceil(random() * most);
const spread = (price) => (price < 100 ? 0.05 : price < 200 ? 0.1 : price < 500 ? 0.2 : 0.5);
const traded = (price) => Number((Math.round(price / spread(price)) * spread(price)).toFixed(2));
const write = (name, lines) => writeFileSync(new URL(name, import.meta.url), `${lines.join('\n')}\n`);
const hongKong = (ms) => new Date(ms + 8 * 3_600_000).toISOString();

const START = Date.parse('2024-11-18T09:30:00+08:00');
const ticks = [];
const prices = { '0005.HK': 70.5, '0700.HK': 402, '9988.HK': 88.15 };
for (let at = START + whole(700); at < START + 600_000; at += whole(700)) {
  const symbol = Object.keys(prices)[whole(3) - 1];
  prices[symbol] *= 1 + 0.0008 * noise();
  ticks.push(`${hongKong(at).slice(0, 23)},${symbol},${traded(prices[symbol])},${100 * whole(40)}`);
}
write('ticks.csv', [`# ${NOTICE}`, 'timestamp,symbol,price,volume', ...ticks]);

/** A bar from the close before it. */
function bar(before, after, range) {
  const [open, close] = [traded(before * (1 + range * 0.3 * noise())), traded(after)];
  const [most, least] = [Math.max(open, close), Math.min(open, close)];
  return { open, high: traded(most * (1 + range * random())), low: traded(least * (1 - range * random())), close };
}
const minutes = [];
const minutePrices = { '0388.HK': 291, '0941.HK': 71.2 };
for (let minute = 1; minute <= 30; minute++) {
  for (const [symbol, before] of Object.entries(minutePrices)) {
    minutePrices[symbol] = before * (1 + 0.003 * noise());
    const timestamp = `${hongKong(START + minute * 60_000).slice(0, 19)}+08:00`;
    minutes.push(
      JSON.stringify({ timestamp, symbol, ...bar(before, minutePrices[symbol], 0.001), volume: 100 * whole(900) }),
    );
  }
}
write('minute-bars.ndjson', minutes);
const days = [`# ${NOTICE}; every weekday, holidays too`, 'timestamp,symbol,open,high,low,close,volume'];
const dailyPrices = { '0005.HK': 41, '0700.HK': 560 };
for (let [day, index] = [Date.UTC(2021, 0, 4), 0]; day <= Date.UTC(2023, 11, 29); day += 86_400_000, index++) {
  if ([0, 6].includes(new Date(day).getUTCDay())) continue;
  for (const [symbol, before] of Object.entries(dailyPrices)) {
    // Waves of half a year and more, which a crossover of moving averages can follow.
    const trend =
      symbol === '0700.HK' ? 0.0032 * Math.sin(index / 34) - 0.0003 : 0.0021 * Math.sin(index / 47 + 2) + 0.0003;
    dailyPrices[symbol] = before * (1 + trend + 0.018 * noise());
    const { open, high, low, close } = bar(before, dailyPrices[symbol], 0.009);
    days.push([new Date(day).toISOString().slice(0, 10), symbol, open, high, low, close, 100 * whole(240_000)].join());
  }
}
write('daily-bars.csv', days);
