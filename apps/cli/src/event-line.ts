import type { Push, Received } from '@tickcast/client';
import type { Paint } from './paint.ts';

const BAR_WIDTH = 20;
/** What a terminal might obey, and what turns the direction of writing: publishers' texts are only to be read. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu;

const LEVELS: Readonly<Record<string, Parameters<Paint>[0]>> = {
  critical: ['bold', 'white', 'bgRed'],
  error: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  info: 'cyan',
};

const STATUSES: Readonly<Record<string, Parameters<Paint>[0]>> = {
  running: 'green',
  completed: 'green',
  idle: 'cyan',
  stopped: 'yellow',
  cancelled: 'yellow',
  error: ['bold', 'red'],
  failed: ['bold', 'red'],
};

/** Makes the lines of events for people. It remembers prices, to tell whether they rise or fall. */
export function createEventLines(paint: Paint): (event: Received<Push>) => string {
  const prices = new Map<string, number>();

  const quote = ({ symbol, data }: Extract<Push, { type: 'market_data' }>): string => {
    const { price, open, high, low, volume } = data;
    const change = price - (prices.get(symbol) ?? price);
    prices.set(symbol, price);
    const [style, arrow] = change > 0 ? (['green', '▲'] as const) : change < 0 ? (['red', '▼'] as const) : [null, '='];
    const shown = `${arrow} ${price}`;
    const day = Object.entries({ open, high, low }).map(([name, value]) =>
      value === undefined ? '' : ` ${name} ${value}`,
    );
    return `${style === null ? shown : paint(style, shown)}${paint('dim', `${day.join('')} volume ${grouped(volume)}`)}`;
  };

  return (event) => {
    const { seq, published_at } = event;
    const at = published_at === undefined ? new Date() : new Date(published_at * 1000);
    const time = paint('dim', at.toISOString().slice(11, 23));
    const number = seq === undefined ? '' : ` #${seq}`;
    return `${time} ${paint('bold', streamOf(event))}${number}${flags(event, paint)} ${describe(event)}`;
  };

  function describe(event: Push): string {
    switch (event.type) {
      case 'market_data':
        return quote(event);
      case 'agent_status': {
        const { status, cpu_usage, memory_usage, task_queue_size } = event.data;
        const load = `cpu ${cpu_usage} %  memory ${memory_usage} MiB  queue ${task_queue_size}`;
        return `${painted(STATUSES, status)}  ${load}`;
      }
      case 'backtest_progress': {
        const { progress, current_date, completed_days, total_days, status } = event.data;
        const filled = Math.round(Math.min(1, Math.max(0, progress)) * BAR_WIDTH);
        const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
        const days = `${readable(current_date)}  day ${completed_days} of ${total_days}`;
        const state = status === undefined ? '' : `  ${painted(STATUSES, status)}`;
        return `${bar} ${Math.floor(Number((progress * 100).toFixed(6)))} %  ${days}${state}`;
      }
      case 'alerts': {
        const { level, source, message } = event.data;
        return `${painted(LEVELS, level)} ${readable(source)}: ${readable(message)}`;
      }
    }
  }

  function painted(styles: Readonly<Record<string, Parameters<Paint>[0]>>, word: string): string {
    const style = Object.hasOwn(styles, word) ? styles[word] : undefined;
    return style === undefined ? readable(word) : paint(style, word);
  }
}

function streamOf(event: Push): string {
  switch (event.type) {
    case 'market_data':
      return `${event.type} ${event.symbol}`;
    case 'agent_status':
      return `${event.type} ${event.agent_id}`;
    case 'backtest_progress':
      return `${event.type} ${event.backtest_id}`;
    case 'alerts':
      return event.type;
  }
}

function flags({ snapshot, recovered, conflated, lost }: Push, paint: Paint): string {
  const shown = [
    snapshot ? ' snapshot' : '',
    recovered ? ' recovered' : '',
    conflated === undefined ? '' : ` conflated=${conflated}`,
    lost === undefined ? '' : ` lost=${lost}`,
  ].join('');
  return shown === '' ? '' : paint('dim', shown);
}

function readable(text: string): string {
  return text.replaceAll(CONTROLS, '\uFFFD');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
