import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { type Overlay, ofKind, title } from './objects.ts';

type Behavior = NonNullable<IHorizontalPodAutoscaler['spec']>['behavior'];

/** A HorizontalPodAutoscaler, or the one that KEDA makes of a ScaledObject. */
export interface Autoscaler {
  title: string;
  target: { kind: string; name: string };
  min: number;
  max: number;
  behavior: Behavior;
  /** What it asks for: the name of a metric of the adapter, or KEDA's query, with how much of it a pod may have. */
  asksFor: { metric: string; perPod: string | number | undefined }[];
}

export function autoscalers(overlay: Overlay): Autoscaler[] {
  const plain = ofKind(overlay, 'HorizontalPodAutoscaler').map((object): Autoscaler => {
    const { scaleTargetRef, minReplicas = 1, maxReplicas = 0, behavior, metrics = [] } = object.spec ?? {};
    return {
      title: title(object),
      target: { kind: scaleTargetRef?.kind ?? '', name: scaleTargetRef?.name ?? '' },
      min: minReplicas,
      max: maxReplicas,
      behavior,
      asksFor: metrics.map(({ pods }) => ({ metric: pods?.metric.name ?? '', perPod: pods?.target.averageValue })),
    };
  });
  const keda = ofKind(overlay, 'ScaledObject').map((object): Autoscaler => {
    const { scaleTargetRef, minReplicaCount = 0, maxReplicaCount = 100, advanced, triggers = [] } = object.spec ?? {};
    return {
      title: title(object),
      target: { kind: scaleTargetRef?.kind ?? 'Deployment', name: scaleTargetRef?.name ?? '' },
      min: minReplicaCount,
      max: maxReplicaCount,
      behavior: advanced?.horizontalPodAutoscalerConfig?.behavior as Behavior,
      asksFor: triggers.map(({ metadata }) => ({ metric: metadata['query'] ?? '', perPod: metadata['threshold'] })),
    };
  });
  return [...plain, ...keda];
}
