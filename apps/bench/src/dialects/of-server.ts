import type { ServerKind } from '../types.ts';
import type { Dialect } from './dialect.ts';
import { bare } from './bare.ts';
import { seed } from './seed.ts';
import { socketIo } from './socket-io.ts';

const DIALECTS: Record<ServerKind, Dialect> = { tickcast: seed, floor: seed, ws: seed, 'socket-io': socketIo, bare };

/** How clients talk with a server of this kind. */
export function dialectOf(server: ServerKind): Dialect {
  return DIALECTS[server];
}
