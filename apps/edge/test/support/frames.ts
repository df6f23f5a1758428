/** Frames as publishers send them, with the fields the seed shows. */

export function marketData(symbol: string, price = 352): object {
  return { type: 'market_data', symbol, data: { timestamp: 1701234567.89, price, volume: 1_000_000 } };
}

export function agentStatus(agentId: string, status = 'running'): object {
  const data = { status, cpu_usage: 45.2, memory_usage: 512.5, task_queue_size: 3, last_update: 1701234567.89 };
  return { type: 'agent_status', agent_id: agentId, data };
}

export function backtestProgress(backtestId: string, progress = 0.65): object {
  const days = { current_date: '2022-06-15', total_days: 1095, completed_days: 711, estimated_remaining: 1800 };
  return { type: 'backtest_progress', backtest_id: backtestId, data: { progress, ...days } };
}

export function alert(message: string): object {
  return { type: 'alerts', data: { level: 'warning', message, timestamp: 1701234567.89, source: 'monitoring' } };
}
