import { REMOVED } from '../mistakes.ts';
import { autoscalers } from '../autoscalers.ts';
import { type Overlay, ofKind, title, workload } from '../objects.ts';
import { settingOf } from '../settings.ts';
import { type Policy, quantity, told } from './policy.ts';

const HPA = 'HorizontalPodAutoscaler/edge';
const KEDA = 'ScaledObject/edge';
const KEDA_BEHAVIOR = 'spec.advanced.horizontalPodAutoscalerConfig.behavior';

/** How many pods there are, and who says so. */
export const SCALING_POLICIES: readonly Policy[] = [
  {
    name: 'each Deployment is two pods at least, and has its number from one place',
    why: 'one pod alone is an outage with every roll; a number in the manifest would undo the autoscaler with every apply',
    check: (overlay) =>
      told(ofKind(overlay, 'Deployment'), (object) => {
        const owners = autoscalers(overlay).filter(({ target }) => `${target.kind}/${target.name}` === title(object));
        const { replicas } = object.spec ?? {};
        if (owners.length === 0) return (replicas ?? 1) < 2 && `${title(object)} is one pod`;
        return (owners.length > 1 || replicas !== undefined) && `${title(object)} has several owners`;
      }),
    mistakes: [
      ['Deployment/edge', 'spec.replicas', 3],
      ['Deployment/edge', 'spec.replicas', 3, 'production-keda'],
      ['Deployment/producers', 'spec.replicas', 1],
      ['Deployment/edge', 'spec.replicas', REMOVED, 'local'],
      [HPA, 'spec.scaleTargetRef.name', 'producers'],
    ],
  },
  {
    name: "an autoscaler's target is there",
    why: 'one that scales nothing is as quiet as one that has nothing to do',
    check: (overlay) =>
      told(autoscalers(overlay), ({ title: of, target }) => {
        const isThere = overlay.objects.some((object) => title(object) === `${target.kind}/${target.name}`);
        return !isThere && `${of}: no ${target.kind}/${target.name}`;
      }),
    mistakes: [
      [HPA, 'spec.scaleTargetRef.name', 'edges'],
      [HPA, 'spec.scaleTargetRef.kind', 'StatefulSet'],
      [KEDA, 'spec.scaleTargetRef.name', 'tickcast', 'production-keda'],
    ],
  },
  {
    name: 'there are three edges at least, and as many as a full cluster needs at most',
    why: 'two are left when one dies; with too low a maximum the cap of connections is never reached',
    check: (overlay) =>
      told(autoscalers(overlay), ({ title: of, min, max, asksFor }) => {
        const connections = asksFor.find(({ metric }) => metric.includes('tickcast_connections'));
        const cap = Number(settingOf(overlay, 'edge', 'TICKCAST_MAX_CONNECTIONS'));
        return !(min >= 3 && max * quantity(connections?.perPod) >= cap) && `${of}: ${min} to ${max}`;
      }),
    mistakes: [
      [HPA, 'spec.minReplicas', REMOVED],
      [HPA, 'spec.maxReplicas', 3],
      [HPA, 'spec.metrics.0', REMOVED],
      ['ConfigMap/tickcast', 'data.TICKCAST_MAX_CONNECTIONS', '5000'],
      [KEDA, 'spec.minReplicaCount', 0, 'production-keda'],
    ],
  },
  {
    name: 'edges come at once, and go one after the other, each after the drain of the one before, when it has long been quiet',
    why: 'sockets stay where they are: new pods are for newcomers, and each pod less moves all its clients',
    check: (overlay) => {
      const drain = drainSeconds(overlay);
      return told(autoscalers(overlay), ({ title: of, behavior }) => {
        const { scaleUp, scaleDown } = behavior ?? {};
        const policies = scaleDown?.policies ?? [];
        const slow = policies.every(
          ({ type, value, periodSeconds }) => type === 'Pods' && value === 1 && periodSeconds > drain,
        );
        if (policies.length === 0 || !slow) return `${of} takes pods before others have drained`;
        if ((scaleDown?.stabilizationWindowSeconds ?? 300) < 600) return `${of} takes pods at the first lull`;
        return scaleUp?.stabilizationWindowSeconds !== 0 && `${of} waits`;
      });
    },
    mistakes: [
      [HPA, 'spec.behavior', REMOVED],
      [HPA, 'spec.behavior.scaleDown.policies.0.periodSeconds', 30],
      [HPA, 'spec.behavior.scaleDown.policies.0.value', 3],
      [HPA, 'spec.behavior.scaleDown.policies.0.type', 'Percent'],
      [HPA, 'spec.behavior.scaleDown.stabilizationWindowSeconds', 60],
      [HPA, 'spec.behavior.scaleUp.stabilizationWindowSeconds', 300],
      ['ConfigMap/edge', 'data.TICKCAST_DRAIN_SECONDS', '60'],
      [KEDA, 'spec.advanced', REMOVED, 'production-keda'],
      [KEDA, `${KEDA_BEHAVIOR}.scaleDown.policies.0.value`, 2, 'production-keda'],
    ],
  },
  {
    name: 'no news is not taken for no clients',
    why: 'KEDA counts an empty answer as 0 unless told not to: a Prometheus that lost its disk would have all clients moved',
    check: (overlay) =>
      told(ofKind(overlay, 'ScaledObject'), (object) => {
        const triggers = object.spec?.triggers ?? [];
        return triggers.some(({ metadata }) => metadata['ignoreNullValues'] !== 'false') && `${title(object)} does`;
      }),
    mistakes: [
      [KEDA, 'spec.triggers.0.metadata.ignoreNullValues', REMOVED, 'production-keda'],
      [KEDA, 'spec.triggers.1.metadata.ignoreNullValues', 'true', 'production-keda'],
    ],
  },
];

/** From an edge's end of service to that of its last client. */
function drainSeconds(overlay: Overlay): number {
  const [container] = workload(overlay, 'edge').pod.containers;
  const preStop = container?.lifecycle?.preStop?.sleep?.seconds ?? 0;
  return preStop + Number(settingOf(overlay, 'edge', 'TICKCAST_DRAIN_SECONDS'));
}
