import { EXPOSURE_POLICIES } from './policies/exposure.ts';
import { IMAGE_POLICIES } from './policies/images.ts';
import { POD_POLICIES } from './policies/pods.ts';
import type { Policy } from './policies/policy.ts';
import { PROBE_POLICIES } from './policies/probes.ts';
import { ROLL_POLICIES } from './policies/rolls.ts';
import { SCALING_POLICIES } from './policies/scaling.ts';
import { SETTING_POLICIES } from './policies/settings.ts';
import { WIRING_POLICIES } from './policies/wiring.ts';

/** All that is asked of what an overlay renders to, beyond its schemas. */
export const POLICIES: readonly Policy[] = [
  ...POD_POLICIES,
  ...IMAGE_POLICIES,
  ...PROBE_POLICIES,
  ...ROLL_POLICIES,
  ...SCALING_POLICIES,
  ...SETTING_POLICIES,
  ...WIRING_POLICIES,
  ...EXPOSURE_POLICIES,
];
