import { POD_POLICIES } from './policies/pods.ts';
import type { Policy } from './policies/policy.ts';

/** All that is asked of what an overlay renders to, beyond its schemas. */
export const POLICIES: readonly Policy[] = [...POD_POLICIES];
