import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { ICronJob, IJob } from 'kubernetes-models/batch/v1';
import type { IIngress, INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IContainer, INamespace, IPodSpec, ISecret, IService } from 'kubernetes-models/v1';
import type { IServiceAccount } from 'kubernetes-models/v1';
import type { IGateway, IHTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1';
import type { IScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1';

interface Kinds {
  ConfigMap: IConfigMap;
  CronJob: ICronJob;
  Deployment: IDeployment;
  Gateway: IGateway;
  HTTPRoute: IHTTPRoute;
  HorizontalPodAutoscaler: IHorizontalPodAutoscaler;
  Ingress: IIngress;
  Job: IJob;
  Namespace: INamespace;
  NetworkPolicy: INetworkPolicy;
  PodDisruptionBudget: IPodDisruptionBudget;
  ScaledObject: IScaledObject;
  Secret: ISecret;
  Service: IService;
  ServiceAccount: IServiceAccount;
  StatefulSet: IStatefulSet;
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
}

/** What one overlay renders to. */
export interface Overlay {
  /** The folder's name, such as `production`. */
  name: string;
  objects: KubeObject[];
}

/** @throws Error when there is none of this name, as a check of nothing would say nothing */
export function overlayNamed(overlays: readonly Overlay[], name: string): Overlay {
  const found = overlays.find((overlay) => overlay.name === name);
  if (found === undefined) throw new Error(`there is no overlay ${name}`);
  return found;
}

/** The schemas are checked before anything else, so that the types may be believed. */
export function ofKind<K extends keyof Kinds>(overlay: Overlay, kind: K): (Kinds[K] & KubeObject)[] {
  return overlay.objects.filter((object) => object.kind === kind) as (Kinds[K] & KubeObject)[];
}

/** `Deployment/edge` */
export function title({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
}

/** `ConfigMap/edge` also names `ConfigMap/edge-9f2c1ab4d6`: generated names end in a hash of the contents. */
export function isNamed(object: KubeObject, name: string): boolean {
  return title(object).replace(/-[a-z0-9]{10}$/, '') === name || title(object) === name;
}

/** Whatever makes pods. */
export interface Workload {
  title: string;
  name: string;
  kind: (typeof WORKLOAD_KINDS)[number];
  pod: IPodSpec;
  podLabels: Record<string, string>;
  podAnnotations: Record<string, string>;
}

const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'Job', 'CronJob'] as const;

export function workloads(overlay: Overlay): Workload[] {
  return WORKLOAD_KINDS.flatMap((kind) =>
    ofKind(overlay, kind).map((object) => {
      const spec = 'jobTemplate' in (object.spec ?? {}) ? (object as ICronJob).spec?.jobTemplate.spec : object.spec;
      const template = (spec as IDeployment['spec'])?.template;
      if (template?.spec === undefined) throw new Error(`${title(object)} has no pod template`);
      const { labels: podLabels = {}, annotations: podAnnotations = {} } = template.metadata ?? {};
      return { title: title(object), name: object.metadata.name, kind, pod: template.spec, podLabels, podAnnotations };
    }),
  );
}

/** @throws Error when there is none of this name, as a check of nothing would say nothing */
export function workload(overlay: Overlay, name: string): Workload {
  const found = workloads(overlay).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${overlay.name} has no workload named ${name}`);
  return found;
}

export function containersOf({ pod }: Workload): IContainer[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

/** Whether a selector's matchLabels choose these labels; none at all choose everything. */
export function selects(matchLabels: Record<string, string> | undefined, labels: Record<string, string>): boolean {
  return Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}
