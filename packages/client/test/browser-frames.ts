/** A quote as a publisher sends it. */
export function quoteFrame(symbol: string, price: number, more: object = {}): string {
  const day = { open: 350, high: 360, low: 345, volume: 1_000_000 };
  const data = { timestamp: Date.now() / 1000, price, ...day, ...more };
  return JSON.stringify({ type: 'market_data', symbol, data });
}

export function alertFrame(message: string): string {
  const data = { level: 'warning', message, timestamp: Date.now() / 1000, source: 'test' };
  return JSON.stringify({ type: 'alerts', data });
}
