/** One edge as HAProxy sees it. */
export interface BalancedServer {
  /** `ADDRESS:PORT`. */
  readonly address: string;
  /** Whether new connections are sent to it. */
  readonly isServing: boolean;
  /** Connections that it has now. */
  readonly sessions: number;
}

/** RFC 4180, section 2; lines break nowhere but at their ends. */
const CELL = /(?:^|,)("(?:[^"]|"")*"|[^,]*)/g;

/**
 * The edges in the statistics of HAProxy (`/stats;csv`). Addresses are in them with `stats show-legends` alone; a slot that no
 * edge has taken has none and is left out. Not as JSON: what HAProxy says of one server then may not fit its buffer, and is
 * replaced by an error.
 *
 * @throws when the text is something else
 */
export function readServers(csv: string): readonly BalancedServer[] {
  const [head = '', ...lines] = csv.trim().split('\n');
  const columns = cellsOf(head.replace(/^# /, ''));
  const read = (line: string) => {
    const cells = cellsOf(line);
    return (column: string): string => {
      const cell = cells[columns.indexOf(column)];
      if (cell === undefined)
        throw new Error(`expected /stats;csv of HAProxy, with a column ${column}: ${csv.slice(0, 99)}`);
      return cell;
    };
  };
  return lines
    .map(read)
    .filter((cell) => cell('pxname') === 'edges' && cell('addr') !== '')
    .map((cell) => ({
      address: cell('addr'),
      // `UP`, or `UP 1/2` on its way down; not `DOWN`, `MAINT`, `DRAIN` or `NOLB`.
      isServing: cell('status').startsWith('UP'),
      sessions: Number(cell('scur')),
    }));
}

const cellsOf = (line: string): string[] => [...line.matchAll(CELL)].map(([, cell = '']) => cell);
