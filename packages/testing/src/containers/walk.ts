import type { Compose } from './compose.ts';
import type { Podman } from './podman.ts';
import type { Steps } from './steps.ts';

/** What every scenario of the containers has at hand. */
export interface Walk {
  readonly podman: Podman;
  readonly compose: Compose;
  readonly steps: Steps;
  /** An interpreter that has the packages websockets and redis. */
  readonly python: string;
}
