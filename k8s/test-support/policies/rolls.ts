import { REMOVED } from '../mistakes.ts';
import { type Overlay, type Workload, ofKind, selects, title, workload, workloads } from '../objects.ts';
import { settingOf } from '../settings.ts';
import { type Policy, CONTAINER, POD, told } from './policy.ts';

/** What an edge needs after its drain for the last closes and a slow Redis. */
const MARGIN_SECONDS = 15;

/** What happens to pods that are replaced, moved or lost. */
export const ROLL_POLICIES: readonly Policy[] = [
  {
    name: "an edge's grace period is longer than its preStop hook, its drain and 15 s",
    why: 'killed earlier its clients break off without 1012, and their seats are kept for 15 s only',
    check: (overlay) => {
      const { pod } = workload(overlay, 'edge');
      const preStop = Math.max(...pod.containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0));
      const needed = preStop + Number(settingOf(overlay, 'edge', 'TICKCAST_DRAIN_SECONDS')) + MARGIN_SECONDS;
      const grace = pod.terminationGracePeriodSeconds ?? 30;
      // Not `grace < needed`: that is also false of what is no number.
      return grace >= needed ? [] : [`${grace} s of ${needed} s`];
    },
    mistakes: [
      ['Deployment/edge', `${POD}.terminationGracePeriodSeconds`, 45],
      ['Deployment/edge', `${POD}.terminationGracePeriodSeconds`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.lifecycle.preStop.sleep.seconds`, 20],
      ['ConfigMap/edge', 'data.TICKCAST_DRAIN_SECONDS', '60'],
      ['ConfigMap/edge', 'data.TICKCAST_DRAIN_SECONDS', 'half a minute'],
    ],
  },
  {
    name: 'an edge goes on serving for some seconds after it was told to go',
    why: 'until then balancers that have not heard of it send newcomers, whom it would refuse',
    check: (overlay) =>
      told(
        workload(overlay, 'edge').pod.containers,
        ({ lifecycle }) => (lifecycle?.preStop?.sleep?.seconds ?? 0) < 3 && 'no preStop sleep of 3 s',
      ),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.lifecycle`, REMOVED],
      // The image has no shell to rely on.
      ['Deployment/edge', `${CONTAINER}.lifecycle.preStop`, { exec: { command: ['sleep', '5'] } }],
    ],
  },
  {
    name: 'a worker has 15 s to hand over, a database 30 s',
    why: 'a worker needs up to 9 s for its jobs and its lead; a database must write what it has',
    check: (overlay) =>
      told(workloads(overlay), ({ title: of, kind, pod }) => {
        const least = { Deployment: 15, StatefulSet: 30, Job: 0, CronJob: 0 }[kind];
        return (pod.terminationGracePeriodSeconds ?? 30) < least && `${of} has less than ${least} s`;
      }),
    mistakes: [
      ['Deployment/producers', `${POD}.terminationGracePeriodSeconds`, 10],
      ['StatefulSet/valkey', `${POD}.terminationGracePeriodSeconds`, 5, 'local'],
    ],
  },
  {
    name: 'a roll takes no pod away before a new one has been ready for some seconds',
    why: 'a full cluster has no room to spare, and a version that fails must move nobody',
    check: (overlay) =>
      told(ofKind(overlay, 'Deployment'), (object) => {
        const { strategy, minReadySeconds = 0 } = object.spec ?? {};
        const { maxSurge = '25%', maxUnavailable } = strategy?.rollingUpdate ?? {};
        const right = strategy?.type === 'RollingUpdate' && maxUnavailable === 0 && parseInt(String(maxSurge)) > 0;
        return !(right && minReadySeconds >= 5) && title(object);
      }),
    mistakes: [
      ['Deployment/edge', 'spec.strategy', { type: 'Recreate' }],
      ['Deployment/edge', 'spec.strategy.rollingUpdate.maxUnavailable', REMOVED],
      ['Deployment/producers', 'spec.strategy.rollingUpdate.maxUnavailable', 1],
      ['Deployment/edge', 'spec.minReadySeconds', REMOVED],
    ],
  },
  {
    name: 'every server has one disruption budget, which is for its pods alone and lets one go at a time',
    why: 'without one a drained node may take all pods at once; with one that lets none go it is never drained',
    check: (overlay) => told(servers(overlay), (server) => budgetProblem(overlay, server)),
    mistakes: [
      ['PodDisruptionBudget/edge', '', REMOVED],
      ['PodDisruptionBudget/edge', 'spec.selector', {}],
      ['PodDisruptionBudget/edge', 'spec.selector.matchLabels', { 'app.kubernetes.io/name': 'edges' }],
      ['PodDisruptionBudget/producers', 'spec.selector.matchLabels', { 'app.kubernetes.io/name': 'edge' }],
      ['PodDisruptionBudget/edge', 'spec.maxUnavailable', 0],
      ['PodDisruptionBudget/edge', 'spec.maxUnavailable', '100%'],
      ['PodDisruptionBudget/valkey', 'spec', { minAvailable: 1, selector: {} }, 'local'],
      ['PodDisruptionBudget/edge', 'spec.unhealthyPodEvictionPolicy', REMOVED],
    ],
  },
  {
    name: 'the pods of a Deployment are spread over nodes, strictly, and over zones',
    why: 'the loss of a node, or of a zone, must not take more than its share of them',
    check: (overlay) =>
      told(
        workloads(overlay).filter(({ kind }) => kind === 'Deployment'),
        ({ title: of, pod, podLabels }) => {
          const own = (pod.topologySpreadConstraints ?? []).filter(
            ({ labelSelector, maxSkew }) =>
              labelSelector && selects(labelSelector.matchLabels, podLabels) && maxSkew === 1,
          );
          const strict = own.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');
          const isSpread =
            strict.some(({ topologyKey }) => topologyKey === 'kubernetes.io/hostname') &&
            own.some(({ topologyKey }) => topologyKey === 'topology.kubernetes.io/zone');
          return !isSpread && of;
        },
      ),
    mistakes: [
      ['Deployment/edge', `${POD}.topologySpreadConstraints`, REMOVED],
      ['Deployment/edge', `${POD}.topologySpreadConstraints.0.whenUnsatisfiable`, 'ScheduleAnyway'],
      ['Deployment/producers', `${POD}.topologySpreadConstraints.1`, REMOVED],
      [
        'Deployment/producers',
        `${POD}.topologySpreadConstraints.0.labelSelector.matchLabels`,
        { 'app.kubernetes.io/name': 'edge' },
      ],
    ],
  },
  {
    name: 'a job ends, is tried again a few times, is cleaned up, and runs once at a time',
    why: 'one that hangs or fails for ever would pile up pods',
    check: (overlay) => [
      ...told(ofKind(overlay, 'CronJob'), (object) => {
        const { concurrencyPolicy, jobTemplate, startingDeadlineSeconds } = object.spec ?? {};
        const right = concurrencyPolicy === 'Forbid' && startingDeadlineSeconds !== undefined;
        return !(right && isBounded(jobTemplate?.spec)) && title(object);
      }),
      ...told(ofKind(overlay, 'Job'), (object) => !isBounded(object.spec) && title(object)),
    ],
    mistakes: [
      ['CronJob/install-function', 'spec.concurrencyPolicy', REMOVED],
      ['CronJob/install-function', 'spec.jobTemplate.spec.backoffLimit', REMOVED],
      ['CronJob/install-function', 'spec.jobTemplate.spec.ttlSecondsAfterFinished', REMOVED],
      ['CronJob/install-function', 'spec.jobTemplate.spec.activeDeadlineSeconds', REMOVED],
    ],
  },
];

function servers(overlay: Overlay): Workload[] {
  return workloads(overlay).filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
}

function budgetProblem(overlay: Overlay, server: Workload): string | false {
  const budgets = ofKind(overlay, 'PodDisruptionBudget').filter(({ spec }) =>
    selects(spec?.selector?.matchLabels, server.podLabels),
  );
  const [budget, ...more] = budgets;
  if (budget === undefined || more.length > 0) return `${server.title} has ${budgets.length}`;
  const others = workloads(overlay).filter(({ title: of }) => of !== server.title);
  const { selector, maxUnavailable, unhealthyPodEvictionPolicy } = budget.spec ?? {};
  if (others.some(({ podLabels }) => selects(selector?.matchLabels, podLabels)))
    return `${title(budget)} has others too`;
  if (maxUnavailable !== 1) return `${title(budget)} does not let one go at a time`;
  // Else a pod that has never become ready keeps its node from being drained.
  return unhealthyPodEvictionPolicy !== 'AlwaysAllow' && `${title(budget)} protects pods that serve nobody`;
}

function isBounded(
  spec: { backoffLimit?: number; ttlSecondsAfterFinished?: number; activeDeadlineSeconds?: number } | undefined,
): boolean {
  const bounds = [spec?.backoffLimit, spec?.ttlSecondsAfterFinished, spec?.activeDeadlineSeconds];
  return bounds.every((bound) => bound !== undefined);
}
