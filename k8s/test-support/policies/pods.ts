import type { IContainer } from 'kubernetes-models/v1';
import { REMOVED } from '../mistakes.ts';
import { type Overlay, type Workload, containersOf, ofKind, title, workloads } from '../objects.ts';
import { podSecurityProblems } from './pod-security.ts';
import { type Policy, CONTAINER, POD, quantity, told } from './policy.ts';

const JOB_POD = 'spec.jobTemplate.spec.template.spec';

/** What holds for every pod, whatever it does. */
export const POD_POLICIES: readonly Policy[] = [
  {
    name: 'a pod is admitted under the Pod Security Standard "restricted"',
    why: 'its namespace enforces it: a pod that asks for more is never made, and only the controller is told',
    check: (overlay) => told(workloads(overlay), ({ title: of, pod }) => sentence(of, podSecurityProblems(pod))),
    mistakes: [
      ['Deployment/edge', `${POD}.hostNetwork`, true],
      ['Deployment/edge', `${POD}.hostPID`, true],
      ['Deployment/edge', `${POD}.securityContext.seccompProfile.type`, 'Unconfined'],
      ['Deployment/edge', `${POD}.securityContext.sysctls`, [{ name: 'net.core.somaxconn', value: '4096' }]],
      ['Deployment/edge', `${POD}.securityContext.runAsNonRoot`, REMOVED],
      ['Deployment/edge', `${POD}.volumes`, [{ name: 'host', hostPath: { path: '/var/run' } }]],
      ['Deployment/edge', `${CONTAINER}.securityContext.privileged`, true],
      ['Deployment/edge', `${CONTAINER}.securityContext.allowPrivilegeEscalation`, REMOVED],
      ['Deployment/producers', `${CONTAINER}.securityContext.capabilities.add`, ['NET_ADMIN']],
      ['Deployment/producers', `${CONTAINER}.ports.0.hostPort`, 9003],
      ['CronJob/install-function', `${JOB_POD}.securityContext`, REMOVED],
      ['StatefulSet/valkey', `${CONTAINER}.securityContext.capabilities`, REMOVED, 'local'],
    ],
  },
  {
    name: 'a pod runs as a numbered user that is not root',
    why: 'of a user by name, or of the one that the image says, the kubelet can not tell that it is not root',
    check: eachContainer(({ securityContext }, { pod }) => {
      const user = securityContext?.runAsUser ?? pod.securityContext?.runAsUser;
      return (user ?? 0) === 0 && 'has no runAsUser above 0';
    }),
    mistakes: [
      ['Deployment/edge', `${POD}.securityContext.runAsUser`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.securityContext.runAsUser`, 0],
    ],
  },
  {
    name: "a container can't write to its image, may gain no privileges and has no capabilities",
    why: 'none of ours needs any of it, and who breaks in should find nothing to use',
    check: eachContainer(({ securityContext: own }) => {
      const dropped = own?.capabilities?.drop?.includes('ALL') === true && (own.capabilities.add ?? []).length === 0;
      if (!dropped) return 'keeps capabilities';
      if (own?.allowPrivilegeEscalation !== false) return 'may gain privileges';
      return own.readOnlyRootFilesystem !== true && 'may write to its image';
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.securityContext.readOnlyRootFilesystem`, false],
      ['Deployment/producers', `${CONTAINER}.securityContext.capabilities.drop`, ['NET_RAW']],
      ['Deployment/producers', `${CONTAINER}.securityContext.allowPrivilegeEscalation`, true],
      ['StatefulSet/valkey', `${CONTAINER}.securityContext.readOnlyRootFilesystem`, REMOVED, 'local'],
    ],
  },
  {
    name: 'a container asks for CPU and memory and has a limit of memory, and none of CPU',
    why: 'without requests it is the first to be evicted, without the limit it takes the node with it; a quota of CPU stops an event loop for the rest of each 100 ms, which every client sees as latency',
    check: eachContainer(({ resources }) => {
      const { requests = {}, limits = {} } = resources ?? {};
      if (requests['cpu'] === undefined || requests['memory'] === undefined) return 'does not ask for CPU and memory';
      if (limits['memory'] === undefined) return 'has no limit of memory';
      if (quantity(limits['memory']) < quantity(requests['memory'])) return 'asks for more memory than it may have';
      return limits['cpu'] !== undefined && 'has a limit of CPU';
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.resources`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.resources.limits.memory`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.resources.limits.memory`, '64Mi'],
      ['Deployment/edge', `${CONTAINER}.resources.limits.cpu`, '1'],
      ['Deployment/producers', `${CONTAINER}.resources.requests.cpu`, REMOVED],
    ],
  },
  {
    name: 'an emptyDir has a limit',
    why: 'without one it fills the disk of its node, or, of kind Memory, its memory',
    check: (overlay) =>
      told(
        workloads(overlay).flatMap(({ title: of, pod }) => (pod.volumes ?? []).map((volume) => ({ of, volume }))),
        ({ of, volume }) => volume.emptyDir !== undefined && !volume.emptyDir?.sizeLimit && `${of}: ${volume.name}`,
      ),
    mistakes: [['Deployment/edge', `${POD}.volumes`, [{ name: 'scratch', emptyDir: {} }]]],
  },
  {
    name: 'each workload has a ServiceAccount of its own, and no token of it',
    why: 'none talks to the API; rights given to one later must not be those of all',
    check: (overlay) => {
      const all = workloads(overlay);
      const accounts = ofKind(overlay, 'ServiceAccount');
      return told(all, ({ title: of, pod }) => {
        const account = accounts.find(({ metadata }) => metadata.name === pod.serviceAccountName);
        if (account === undefined) return `${of} names no ServiceAccount of this overlay`;
        if (all.some((other) => other.title !== of && other.pod.serviceAccountName === pod.serviceAccountName)) {
          return `${of} shares ${title(account)}`;
        }
        const off = pod.automountServiceAccountToken === false && account.automountServiceAccountToken === false;
        return !off && `${of} may mount a token`;
      });
    },
    mistakes: [
      ['Deployment/edge', `${POD}.serviceAccountName`, REMOVED],
      ['Deployment/edge', `${POD}.serviceAccountName`, 'producers'],
      ['Deployment/edge', `${POD}.automountServiceAccountToken`, REMOVED],
      ['ServiceAccount/producers', 'automountServiceAccountToken', true],
    ],
  },
  {
    name: 'a pod gets no variables for the Services of its namespace',
    why: 'a Service named `tickcast` would make TICKCAST_PORT=tcp://…, which an edge takes for its own setting',
    check: (overlay) =>
      told(workloads(overlay), ({ title: of, pod }) => pod.enableServiceLinks !== false && `${of} gets them`),
    mistakes: [['Deployment/producers', `${POD}.enableServiceLinks`, REMOVED]],
  },
];

function eachContainer(
  problemOf: (container: IContainer, workload: Workload) => string | undefined | false,
): (overlay: Overlay) => string[] {
  return (overlay) =>
    workloads(overlay).flatMap((workload) =>
      told(containersOf(workload), (container) => {
        const problem = problemOf(container, workload);
        return problem && `${workload.title}: container ${container.name} ${problem}`;
      }),
    );
}

function sentence(of: string, problems: string[]): string | false {
  return problems.length > 0 && `${of}: ${problems.join(', ')}`;
}
