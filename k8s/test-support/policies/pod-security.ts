import type { IContainer, IPodSpec } from 'kubernetes-models/v1';

/** Volumes that "restricted" lets in. */
const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

/** Kernel settings that are each pod's own, of Kubernetes 1.32. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
]);

const SECCOMP = new Set(['RuntimeDefault', 'Localhost']);

/**
 * What the Pod Security Standard "restricted" refuses in a Linux pod, control by control:
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function podSecurityProblems(pod: IPodSpec): string[] {
  const { securityContext: own = {}, volumes = [] } = pod;
  const containers = [...(pod.initContainers ?? []), ...pod.containers, ...(pod.ephemeralContainers ?? [])];
  const wrong: [boolean, string][] = [
    [pod.hostNetwork === true || pod.hostPID === true || pod.hostIPC === true, 'host namespaces'],
    [own.windowsOptions?.hostProcess === true, 'a host process'],
    [(own.sysctls ?? []).some(({ name }) => !SAFE_SYSCTLS.has(name)), 'unsafe sysctls'],
    [own.runAsUser === 0, 'user 0'],
    [own.seccompProfile !== undefined && !SECCOMP.has(own.seccompProfile.type), 'seccomp off'],
    [(own.appArmorProfile?.type ?? '') === 'Unconfined', 'AppArmor off'],
    [volumes.some((volume) => !Object.keys(volume).some((key) => VOLUMES.has(key))), 'volumes of other kinds'],
  ];
  return [
    ...wrong.filter(([is]) => is).map(([, what]) => what),
    ...containers.flatMap((container) =>
      containerProblems(container as IContainer, pod).map((problem) => `${container.name}: ${problem}`),
    ),
  ];
}

function containerProblems(container: IContainer, pod: IPodSpec): string[] {
  const own = container.securityContext ?? {};
  const added = (own.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const seccomp = own.seccompProfile?.type ?? pod.securityContext?.seccompProfile?.type;
  const wrong: [boolean, string][] = [
    [own.privileged === true, 'privileged'],
    [own.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation is not false'],
    [!(own.capabilities?.drop ?? []).includes('ALL') || added.length > 0, 'capabilities'],
    [(own.runAsNonRoot ?? pod.securityContext?.runAsNonRoot) !== true, 'runAsNonRoot is not true'],
    [own.runAsUser === 0, 'user 0'],
    [!SECCOMP.has(seccomp ?? ''), 'no seccomp profile'],
    [(own.procMount ?? 'Default') !== 'Default', 'procMount'],
    [(own.appArmorProfile?.type ?? '') === 'Unconfined', 'AppArmor off'],
    [(container.ports ?? []).some(({ hostPort = 0 }) => hostPort !== 0), 'host ports'],
  ];
  return wrong.filter(([is]) => is).map(([, what]) => what);
}
