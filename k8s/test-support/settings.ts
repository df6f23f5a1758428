import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IContainer } from 'kubernetes-models/v1';
import { type Overlay, type Workload, ofKind, workload } from './objects.ts';
import { ROOT } from './tree.ts';

/** A variable of a container. */
export interface Setting {
  name: string;
  /** undefined where it comes from a Secret or from a field of the pod. */
  value: string | undefined;
  from: 'literal' | 'ConfigMap' | 'Secret' | 'field';
}

/** A ConfigMap or Secret that a pod needs to start, and the keys of it; no keys: whichever there are. */
export interface Reference {
  kind: 'ConfigMap' | 'Secret';
  name: string;
  keys: string[];
}

/** What a container's environment will be; later ones win over earlier ones of the same name. */
export function settingsOf(overlay: Overlay, { env = [], envFrom = [] }: IContainer): Setting[] {
  const maps = ofKind(overlay, 'ConfigMap');
  const whole = envFrom.flatMap(({ configMapRef }) => {
    const found = maps.find(({ metadata }) => metadata.name === configMapRef?.name);
    return Object.entries(found?.data ?? {}).map(([name, value]): Setting => ({ name, value, from: 'ConfigMap' }));
  });
  const single = env.map(({ name, value, valueFrom }): Setting => {
    if (valueFrom?.secretKeyRef !== undefined) return { name, value: undefined, from: 'Secret' };
    if (valueFrom?.configMapKeyRef !== undefined) return { name, value: undefined, from: 'ConfigMap' };
    return { name, value, from: valueFrom === undefined ? 'literal' : 'field' };
  });
  return [...whole, ...single];
}

/** A variable as one container of a workload will have it, else what the app takes when it is not set. */
export function settingOf(overlay: Overlay, workloadName: string, name: string): string | undefined {
  const { pod } = workload(overlay, workloadName);
  const settings = pod.containers.flatMap((container) => settingsOf(overlay, container));
  return settings.findLast((setting) => setting.name === name)?.value ?? standardOf(workloadName, name);
}

export function referencesIn({ pod }: Workload): Reference[] {
  const containers = [...(pod.initContainers ?? []), ...pod.containers];
  const fromEnv = containers.flatMap(({ env = [], envFrom = [] }) => [
    ...env.flatMap(({ valueFrom }) => [
      reference('Secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.key),
      reference('ConfigMap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.key),
    ]),
    ...envFrom.flatMap(({ secretRef, configMapRef }) => [
      reference('Secret', secretRef?.name),
      reference('ConfigMap', configMapRef?.name),
    ]),
  ]);
  const fromVolumes = (pod.volumes ?? []).flatMap(({ name, secret, configMap }) => {
    const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.filter((mount) => mount.name === name));
    const keys = mounts.flatMap(({ subPath }) => (subPath === undefined ? [] : [subPath]));
    return [reference('Secret', secret?.secretName, ...keys), reference('ConfigMap', configMap?.name, ...keys)];
  });
  return [...fromEnv, ...fromVolumes].filter((found) => found !== undefined);
}

function reference(
  kind: Reference['kind'],
  name: string | undefined,
  ...keys: (string | undefined)[]
): Reference | undefined {
  return name === undefined ? undefined : { kind, name, keys: keys.filter((key) => key !== undefined) };
}

/** Every variable that an app of ours reads: what its config.ts names. */
export function variablesOf(app: string): string[] {
  const found = configOf(app).matchAll(/^ {2}(TICKCAST_\w+): variable\(|value\('(TICKCAST_\w+)'\)/gm);
  return [...found].map(([, table, call]) => table ?? call ?? '');
}

/** What an app takes a variable to be when it is not set; undefined when it has no such variable. */
function standardOf(app: string, name: string): string | undefined {
  return new RegExp(`^ {2}${name}: variable\\([^']*'([^']*)'`, 'm').exec(configOf(app))?.[1];
}

function configOf(app: string): string {
  return readFileSync(join(ROOT, 'apps', app, 'src/config.ts'), 'utf8');
}

/** `registry.example.com/tickcast/edge:0.1.0` is of the app `edge`; undefined for what is not ours. */
export function appOf({ image = '' }: IContainer): string | undefined {
  return /(?:^|\/)tickcast\/([a-z]+)(?:[:@]|$)/.exec(image)?.[1];
}
