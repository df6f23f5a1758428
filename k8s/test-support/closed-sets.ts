import type { KubeObject } from './objects.ts';

/**
 * Fields that take one of a few words. The published schemas of the built-in kinds leave them open, and only the API server's
 * own code knows them: this is what the API reference says of those that our manifests use.
 */
const CLOSED_SETS: readonly (readonly [field: RegExp, words: readonly string[]])[] = [
  [/\/imagePullPolicy$/, ['Always', 'IfNotPresent', 'Never']],
  [/\/spec\/restartPolicy$/, ['Always', 'OnFailure', 'Never']],
  [/\/terminationMessagePolicy$/, ['File', 'FallbackToLogsOnError']],
  [/\/seccompProfile\/type$/, ['RuntimeDefault', 'Localhost', 'Unconfined']],
  [/\/fsGroupChangePolicy$/, ['Always', 'OnRootMismatch']],
  [/\/dnsPolicy$/, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']],
  [/\/httpGet\/scheme$/, ['HTTP', 'HTTPS']],
  [/\/emptyDir\/medium$/, ['', 'Memory', 'HugePages']],
  [/\/whenUnsatisfiable$/, ['DoNotSchedule', 'ScheduleAnyway']],
  [/\/node(Taints|Affinity)Policy$/, ['Honor', 'Ignore']],
  [/\/strategy\/type$/, ['RollingUpdate', 'Recreate']],
  [/\/updateStrategy\/type$/, ['RollingUpdate', 'OnDelete']],
  [/\/podManagementPolicy$/, ['OrderedReady', 'Parallel']],
  [/\/when(Deleted|Scaled)$/, ['Retain', 'Delete']],
  [/\/accessModes\/\d+$/, ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod']],
  [/\/unhealthyPodEvictionPolicy$/, ['IfHealthyBudget', 'AlwaysAllow']],
  [/^Service\/spec\/type$/, ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']],
  [/\/(in|ex)ternalTrafficPolicy$/, ['Cluster', 'Local']],
  [/\/sessionAffinity$/, ['ClientIP', 'None']],
  [/\/ports\/\d+\/protocol$/, ['TCP', 'UDP', 'SCTP']],
  [/\/pathType$/, ['Exact', 'Prefix', 'ImplementationSpecific']],
  [/\/policyTypes\/\d+$/, ['Ingress', 'Egress']],
  [/\/(matchExpressions|matchFields)\/\d+\/operator$/, ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']],
  [/\/tolerations\/\d+\/operator$/, ['Exists', 'Equal']],
  [/\/metrics\/\d+\/type$/, ['Resource', 'ContainerResource', 'Pods', 'Object', 'External']],
  [/\/metrics\/\d+\/\w+\/target\/type$/, ['Utilization', 'Value', 'AverageValue']],
  [/\/selectPolicy$/, ['Max', 'Min', 'Disabled']],
  [/\/scale(Up|Down)\/policies\/\d+\/type$/, ['Pods', 'Percent']],
  [/\/podFailurePolicy\/rules\/\d+\/action$/, ['FailJob', 'FailIndex', 'Ignore', 'Count']],
];

export function closedSetProblems(object: KubeObject): string[] {
  return leavesOf(object, object.kind).flatMap(([path, value]) =>
    CLOSED_SETS.filter(([field, words]) => field.test(path) && !words.includes(String(value))).map(
      ([, words]) => `${path}: "${String(value)}" is none of ${words.join(', ')}`,
    ),
  );
}

/** Every value that is no object, with its path from the kind on: `Service/spec/ports/0/protocol`. */
export function leavesOf(value: unknown, path: string): [path: string, value: unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, `${path}/${key}`));
}
