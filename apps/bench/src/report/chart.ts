import { init } from 'echarts';
import type { LadderPoint } from '../types.ts';
import { isDoubtful } from './ladder-rows.ts';

const WIDTH = 960;
const HEIGHT = 720;
/** The most that p99 may be. */
const LIMIT_MS = 100;
/** Told apart without colour by their marks as well. */
const LOOKS: Record<string, { name: string; color: string; symbol: string }> = {
  tickcast: { name: 'Tickcast', color: '#0b6e4f', symbol: 'circle' },
  floor: { name: 'naive floor', color: '#c1440e', symbol: 'rect' },
  ws: { name: 'ws', color: '#2b59c3', symbol: 'triangle' },
  'socket-io': { name: 'Socket.IO with Redis adapter', color: '#7a3e9d', symbol: 'diamond' },
};
const INK = '#222222';
const FAINT = '#dddddd';
const PAPER = '#ffffff';
const LATENCY_PANEL = 0;
const CPU_PANEL = 1;

type Figure = 'p50Ms' | 'p99Ms' | 'serverCpuPercent';

/**
 * An SVG file's text. Above latency against delivered load: p99 drawn through, p50 dashed, a colour a server; below the server's
 * CPU at the same loads.
 */
export function renderChart(ladder: readonly LadderPoint[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const servers = [...new Set(ladder.map(({ server }) => server))];
  chart.setOption({
    animation: false,
    backgroundColor: PAPER,
    textStyle: { color: INK, fontFamily: 'sans-serif', fontSize: 13 },
    title: {
      text: 'Latency from publisher to client against delivered load',
      subtext: ladder.some(isDoubtful) ? 'hollow: clients, publisher and Redis had no time left' : '',
      left: 'center',
      top: 8,
      textStyle: { color: INK, fontSize: 17 },
      subtextStyle: { color: INK },
    },
    legend: {
      top: 60,
      itemGap: 18,
      itemWidth: 34,
      textStyle: { color: INK },
      data: servers.flatMap((server) => [named(server, 'p99Ms'), named(server, 'p50Ms')]),
    },
    grid: [
      { left: 80, right: 40, top: 128, height: 352 },
      { left: 80, right: 40, top: 522, height: 130 },
    ],
    xAxis: [
      { ...axis(''), ...loadAxis(LATENCY_PANEL, ladder) },
      { ...axis('deliveries a second, from one server on one core', 36), ...loadAxis(CPU_PANEL, ladder) },
    ],
    yAxis: [
      { ...axis('latency, ms', 52), type: 'log', gridIndex: LATENCY_PANEL },
      { ...axis('server CPU, %', 52), type: 'value', gridIndex: CPU_PANEL, min: 0, interval: 50 },
    ],
    series: servers.flatMap((server, index) => [
      { ...line(ladder, server, 'p99Ms'), ...(index === 0 ? { markLine: limitLine() } : {}) },
      line(ladder, server, 'p50Ms'),
      line(ladder, server, 'serverCpuPercent'),
    ]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function axis(name: string, nameGap = 0) {
  return {
    name,
    nameLocation: 'middle' as const,
    nameGap,
    axisLabel: { color: INK, formatter: (value: number) => value.toLocaleString('en') },
    splitLine: { lineStyle: { color: FAINT } },
    nameTextStyle: { color: INK },
  };
}

/** The same for both panels, whatever each of them draws. */
function loadAxis(gridIndex: number, ladder: readonly LadderPoint[]) {
  const most = Math.max(0, ...ladder.map(({ deliveriesPerSecond }) => deliveriesPerSecond));
  const step = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return { type: 'value' as const, gridIndex, min: 0, max: Math.ceil(most / step) * step };
}

function named(server: string, figure: Figure): string {
  const of = { p50Ms: 'p50', p99Ms: 'p99', serverCpuPercent: 'CPU' }[figure];
  return `${LOOKS[server]?.name ?? server}, ${of}`;
}

function line(ladder: readonly LadderPoint[], server: string, figure: Figure) {
  const { color, symbol } = LOOKS[server] ?? { color: INK, symbol: 'pin' };
  const panel = figure === 'serverCpuPercent' ? CPU_PANEL : LATENCY_PANEL;
  const isDashed = figure === 'p50Ms';
  return {
    type: 'line' as const,
    name: named(server, figure),
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbol,
    symbolSize: isDashed ? 6 : 9,
    itemStyle: { color },
    lineStyle: { color, width: isDashed ? 1.5 : 2.5, type: isDashed ? ('dashed' as const) : ('solid' as const) },
    // In the order of the rungs: a server that is overtaxed delivers less as more is asked of it, and its line turns back.
    data: ladder
      .filter((point) => point.server === server && point[figure] > 0)
      .map((point) => ({
        value: [point.deliveriesPerSecond, point[figure]],
        ...(isDoubtful(point) ? { itemStyle: { color: PAPER, borderColor: color, borderWidth: 2 } } : {}),
      })),
  };
}

function limitLine() {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: INK, type: 'dotted' as const, width: 1.5 },
    label: { formatter: `${LIMIT_MS} ms`, position: 'insideEndTop' as const, color: INK },
    data: [{ yAxis: LIMIT_MS }],
  };
}
