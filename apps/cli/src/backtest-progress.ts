import type { BacktestReport } from '@tickcast/jobs';

const BAR_WIDTH = 30;
const LINE_EVERY_PERCENT = 10;

/** Shows how far a backtest is, and what is to be said meanwhile. */
export interface ProgressDisplay {
  show(report: BacktestReport): void;
  /** Says it once; nothing when it is empty or was said last. */
  note(text: string): void;
  /** Leaves the cursor at the beginning of a line. */
  end(): void;
}

/** On a terminal one line that is drawn anew; elsewhere, as in a log, a line every 10 %. */
export function createProgressDisplay(output: NodeJS.WriteStream): ProgressDisplay {
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
        drawn = text.slice(0, Math.max(1, output.columns - 1));
        output.write(drawn);
      } else if (report.progress * 100 >= lines * LINE_EVERY_PERCENT) {
        lines = Math.floor((report.progress * 100) / LINE_EVERY_PERCENT) + 1;
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

function progressLine({ progress, current_date, estimated_remaining, status }: BacktestReport, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, progress)) * width);
  const bar = width === 0 ? '' : `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] `;
  const running = status === undefined || status === 'running';
  const rest = running ? `${readableTime(estimated_remaining)} left` : status;
  return `${bar}${String(Math.floor(progress * 100)).padStart(3)} %  ${current_date}  ${rest}`;
}

function readableTime(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
