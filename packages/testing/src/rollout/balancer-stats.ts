/** One edge as HAProxy sees it. */
export interface BalancedServer {
  /** `ADDRESS:PORT`. */
  readonly address: string;
  /** Whether new connections are sent to it. */
  readonly isServing: boolean;
  /** Connections that it has now. */
  readonly sessions: number;
}

interface Field {
  objType: string;
  field: { name: string };
  value: { value: unknown };
}

/**
 * The edges in the statistics of HAProxy (`/stats;json`). Addresses are in them with `stats show-legends` alone; a slot that
 * no edge has taken has none and is left out.
 */
export function readServers(json: string): readonly BalancedServer[] {
  return (JSON.parse(json) as Field[][])
    .filter(([first]) => first?.objType === 'Server')
    .map((fields) => new Map(fields.map(({ field, value }) => [field.name, value.value])))
    .filter((server) => server.get('pxname') === 'edges' && server.has('addr'))
    .map((server) => ({
      address: String(server.get('addr')),
      // `UP`, or `UP 1/2` on its way down; not `DOWN`, `MAINT`, `DRAIN` or `NOLB`.
      isServing: String(server.get('status')).startsWith('UP'),
      sessions: Number(server.get('scur')),
    }));
}
