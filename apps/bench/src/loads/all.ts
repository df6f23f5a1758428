import type { LoadName } from '../config.ts';
import { burst } from './burst.ts';
import { connecting } from './connecting.ts';
import { edges } from './edges.ts';
import { heavy } from './heavy.ts';
import { hot } from './hot.ts';
import type { Load } from './load.ts';
import { memory } from './memory.ts';
import { peers } from './peers.ts';
import { quiet } from './quiet.ts';
import { steady } from './steady.ts';
import { streams } from './streams.ts';

export const LOADS: Record<LoadName, Load> = {
  quiet,
  steady,
  heavy,
  hot,
  burst,
  connect: connecting,
  memory,
  streams,
  edges,
  peers,
};
