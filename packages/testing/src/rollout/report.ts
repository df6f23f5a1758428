import type { Departure } from './fleet.ts';
import type { KillReport } from './kill.ts';
import type { RollReport } from './roll.ts';
import type { ScaleReport } from './scale.ts';
import type { Spread } from './spread.ts';

/** A scenario's report for people, some lines without a line break at the end. */
export function describeReport(report: RollReport | ScaleReport | KillReport): string {
  const { latencyMs, absenceMs } = report;
  const lines = [
    titleOf(report),
    `${report.alerts} alerts, ${report.quotes} quotes and ${report.knocks} newcomers at the door meanwhile; no seat, no alert lost`,
    `alert to client, before       ${spread(latencyMs.before)}`,
    `alert to client, during it    ${spread(latencyMs.during)}`,
    `alert to client, after        ${spread(latencyMs.after)}`,
    `${`away between two seats (${absenceMs.count})`.padEnd(30)}${spread(absenceMs)}`,
    `closes: at most ${report.mostClosesInASecond} in a second; attempts to come back that failed: ${report.failedReturns.length}; ` +
      `newcomers without a proper answer: ${report.brokenKnocks.length}`,
    ...detailsOf(report),
  ];
  return lines.join('\n');
}

function titleOf(report: RollReport | ScaleReport | KillReport): string {
  const { clients } = report;
  if (report.scenario === 'roll') return `rolled: ${report.departures.length} edges with ${clients} clients`;
  if (report.scenario === 'scale') return `scaled: ${report.from} to ${report.to} edges and back, ${clients} clients`;
  return `killed: an edge with ${report.returned + report.gone} clients`;
}

function detailsOf(report: RollReport | ScaleReport | KillReport): string[] {
  if (report.scenario === 'kill') {
    const { returned, gone, outAfterMs, freeAfterMs } = report;
    return [
      `the balancer sent nobody there after ${milliseconds(outAfterMs)}; ${returned} clients came back to their seats, ` +
        `those of ${gone} were free after ${milliseconds(freeAfterMs)}`,
    ];
  }
  const shares = report.scenario === 'scale' ? [`newcomers: ${shareOut(report.newcomersOf)}`] : [];
  const moves = report.scenario === 'roll' ? [`a client was sent on ${report.mostMoves} times at most`] : [];
  return [...shares, ...moves, `drained: ${report.departures.map(departure).join(', ')}`];
}

function shareOut(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

const departure = ({ exitCode, tookMs }: Departure) => `exit code ${exitCode} after ${milliseconds(tookMs)}`;

const spread = ({ p50, p99, max }: Spread) =>
  `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}, max ${milliseconds(max)}`;

function milliseconds(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}
