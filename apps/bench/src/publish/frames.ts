/** The seed's frames, with the moment they are made at. */

/** @param topic `market_data:0700.HK` or `alerts`; @param timestamp Unix seconds; @param n makes frames differ as real ones do */
export function frameOf(topic: string, timestamp: number, n: number): string {
  const moment = timestamp.toFixed(6);
  const symbol = topic.split(':')[1];
  if (symbol === undefined) {
    return `{"type":"alerts","data":{"level":"warning","message":"内存使用率超过80%","timestamp":${moment},"source":"monitoring"}}`;
  }
  const price = (350 + (n % 97) / 10).toFixed(1);
  return (
    `{"type":"market_data","symbol":"${symbol}","data":{"timestamp":${moment},"price":${price},"open":350.0,` +
    `"high":360.0,"low":345.0,"volume":${1_000_000 + n}}}`
  );
}
