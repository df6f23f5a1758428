import { type BacktestReport, isTerminal } from '@tickcast/jobs';

const BAR_WIDTH = 30;
const LINE_EVERY_PERCENT = 10;
/** Of a terminal that does not know its width: it says 0. */
const USUAL_COLUMNS = 80;

/** Shows how far a backtest is, and what is to be said meanwhile. */
export interface ProgressDisplay {
  show(report: BacktestReport): void;
  /** Says it once; nothing when it is empty or was said last. */
  note(text: string): void;
  /** Leaves the cursor at the beginning of a line. */
  end(): void;
}

/** What of stderr is used. */
type Output = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & { write(text: string): unknown };

/** On a terminal one line that is drawn anew; elsewhere, as in a log, a line every 10 %. */
export function createProgressDisplay(output: Output): ProgressDisplay {
  let noted = '';
  let drawn = '';
  let lines = 0;
  const erase = (): void => void (drawn === '' ? undefined : output.write('\r\u001B[K'));

  return {
    show(report) {
      const text = progressLine(report, output.isTTY ? BAR_WIDTH : 0);
      if (output.isTTY) {
        erase();
        // A line that wraps could not be erased.
        drawn = text.slice(0, (output.columns || USUAL_COLUMNS) - 1);
        output.write(drawn);
      } else if (isTerminal(report) || percentOf(report) >= lines * LINE_EVERY_PERCENT) {
        lines = Math.floor(percentOf(report) / LINE_EVERY_PERCENT) + 1;
        output.write(`${text}\n`);
      }
    },
    note(text) {
      if (text === '' || text === noted) return;
      noted = text;
      erase();
      output.write(`${text}\n${drawn}`);
    },
    end() {
      if (drawn !== '') output.write('\n');
      drawn = '';
    },
  };
}

function progressLine(report: BacktestReport, width: number): string {
  const { progress, current_date, estimated_remaining, status } = report;
  const filled = Math.round(Math.min(1, Math.max(0, progress)) * width);
  const bar = width === 0 ? '' : `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] `;
  const rest = isTerminal(report) ? status : `${readableTime(estimated_remaining)} left`;
  return `${bar}${String(percentOf(report)).padStart(3)} %  ${current_date}  ${rest}`;
}

/** Whole ones, rounded down: 100 only at the end. */
function percentOf({ progress }: BacktestReport): number {
  // 0.29 * 100 is 28.999999999999996.
  return Math.floor(Number((progress * 100).toFixed(6)));
}

function readableTime(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
