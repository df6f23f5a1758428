import { REMOVED } from '../mistakes.ts';
import { type Overlay, type Workload, ofKind, workloads } from '../objects.ts';
import { createdByReadme } from '../readme.ts';
import { type Reference, type Setting, appOf, referencesIn, settingOf, settingsOf, variablesOf } from '../settings.ts';
import { type Policy, CONTAINER, POD, told } from './policy.ts';

const TOKEN_KEY = /^TICKCAST_AUTH_(SECRET|SECRET_FILE|PUBLIC_KEY_FILE|JWKS_URL)$/;

/** Variables without which an app starts, but not as a pod should. */
const NEEDED: Record<string, readonly string[]> = {
  edge: ['TICKCAST_REDIS_URL', 'TICKCAST_NODE_ID', 'TICKCAST_MAX_CONNECTIONS'],
  producers: ['TICKCAST_REDIS_URL', 'TICKCAST_AGENT_ID', 'TICKCAST_PRODUCERS_ADMIN_PORT', 'TICKCAST_MAX_CONNECTIONS'],
  cli: ['TICKCAST_REDIS_URL'],
};

const CONFIDENTIAL = /SECRET$|PASSWORD|TOKEN$|REDIS_URL$/;

/** What pods are told: ConfigMaps, Secrets and variables. */
export const SETTING_POLICIES: readonly Policy[] = [
  {
    name: 'every TICKCAST_ variable is one that the app reads',
    why: 'an app passes over what it does not know, so a typing error would go unnoticed',
    check: eachApp(({ settings, app }) =>
      told(
        settings,
        ({ name }) => name.startsWith('TICKCAST_') && !variablesOf(app).includes(name) && `no ${name} in ${app}`,
      ),
    ),
    mistakes: [
      ['ConfigMap/edge', 'data.TICKCAST_DRAIN_SECOND', '30'],
      ['ConfigMap/producers', 'data.TICKCAST_DRAIN_SECONDS', '30'],
      ['Deployment/edge', `${CONTAINER}.env.0.name`, 'TICKCAST_NODE_NAME'],
    ],
  },
  {
    name: 'an app is given all that it can not guess, and an edge one kind of key',
    why: 'it would fall back to a Redis on its own host, or to a name that no operator finds; with two keys, or none, it does not start',
    check: eachApp(({ settings, app }) => [
      ...(NEEDED[app] ?? []).filter((name) => !settings.some((setting) => setting.name === name)),
      ...(app === 'edge' && settings.filter(({ name }) => TOKEN_KEY.test(name)).length !== 1 ? ['keys'] : []),
    ]),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.env.0`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.env.2`, REMOVED],
      ['ConfigMap/edge', 'data.TICKCAST_AUTH_JWKS_URL', 'https://login.example.com/jwks.json'],
      ['Deployment/producers', `${CONTAINER}.env.1`, REMOVED],
      ['ConfigMap/tickcast', 'data.TICKCAST_MAX_CONNECTIONS', REMOVED],
    ],
  },
  {
    name: 'no variable is set twice',
    why: 'the later one wins, whichever was meant',
    check: eachApp(({ settings }) => {
      const names = settings.map(({ name }) => name);
      return names.filter((name, index) => names.indexOf(name) !== index);
    }),
    mistakes: [['ConfigMap/edge', 'data.TICKCAST_LOG_LEVEL', 'debug']],
  },
  {
    name: 'edges and workers know the same cap of connections',
    why: 'the alert on a nearly full cluster goes by the workers, the cap by the edges',
    check: (overlay) => {
      const [edges, workers] = ['edge', 'producers'].map((name) =>
        settingOf(overlay, name, 'TICKCAST_MAX_CONNECTIONS'),
      );
      return edges === workers && edges !== undefined ? [] : [`edges ${edges}, workers ${workers}`];
    },
    mistakes: [
      ['ConfigMap/edge', 'data.TICKCAST_MAX_CONNECTIONS', '2000'],
      ['Deployment/producers', `${CONTAINER}.env.0`, { name: 'TICKCAST_MAX_CONNECTIONS', value: '500' }],
    ],
  },
  {
    name: 'what is confidential comes from Secrets alone',
    why: 'manifests are in Git, and ConfigMaps are read by more people than Secrets',
    check: eachApp(({ settings }) =>
      told(settings, ({ name, from }) => CONFIDENTIAL.test(name) && from !== 'Secret' && `${name} from a ${from}`),
    ),
    mistakes: [
      ['ConfigMap/edge', 'data.TICKCAST_AUTH_SECRET', 'no more than thirty-two characters'],
      ['Deployment/producers', `${CONTAINER}.env.2`, { name: 'TICKCAST_REDIS_URL', value: 'redis://producer:x@redis' }],
    ],
  },
  {
    name: 'only the overlay for a cluster to look at makes Secrets',
    why: 'those of production are made where they are kept, not where manifests are',
    check: (overlay) =>
      overlay.name === 'local' ? [] : ofKind(overlay, 'Secret').map(({ metadata }) => metadata.name),
    mistakes: [
      [
        'ConfigMap/edge',
        '',
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'auth' }, stringData: { secret: 'x' } },
      ],
    ],
  },
  {
    name: 'every ConfigMap and Secret that a pod needs is made by the overlay or by a command of k8s/README.md',
    why: 'the pod would wait for it in ContainerCreating or CreateContainerConfigError for ever',
    check: eachReference(({ reference, own }) => {
      const keys = own ?? createdByReadme(reference.kind, reference.name);
      if (keys === undefined) return 'nobody makes it';
      const missing = reference.keys.filter((key) => !keys.includes(key));
      return missing.length > 0 && `without ${missing.join(', ')}`;
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.env.1.valueFrom.secretKeyRef.name`, 'reddis'],
      ['Deployment/edge', `${CONTAINER}.env.1.valueFrom.secretKeyRef.key`, 'url'],
      ['Deployment/edge', `${CONTAINER}.env.1.valueFrom.secretKeyRef.key`, 'url', 'local'],
      ['Deployment/producers', `${CONTAINER}.envFrom.0.configMapRef.name`, 'tickcast'],
      ['StatefulSet/valkey', `${POD}.volumes.1.secret.secretName`, 'valkey-user', 'local'],
      ['StatefulSet/valkey', `${CONTAINER}.volumeMounts.1.subPath`, 'valkey.config', 'local'],
      ['Deployment/edge', `${POD}.volumes.0.configMap.name`, 'redis-cas', 'production-ingress'],
    ],
  },
  {
    name: 'the name of each ConfigMap and Secret that an overlay makes is new when its contents are',
    why: 'pods are rolled by a change of their template alone: with the old name they would go on with the old settings',
    check: eachReference(
      ({ reference, own }) => own !== undefined && !/-[a-z0-9]{10}$/.test(reference.name) && 'no hash',
    ),
    mistakes: [
      [
        'Namespace/tickcast',
        '',
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'redis-ca' }, data: { 'ca.crt': '' } },
        'production-ingress',
      ],
    ],
  },
];

interface AppContainer {
  app: string;
  settings: Setting[];
}

function eachApp(problemsOf: (container: AppContainer) => string[]): (overlay: Overlay) => string[] {
  return (overlay) =>
    workloads(overlay).flatMap(({ title, pod }) =>
      pod.containers.flatMap((container) => {
        const app = appOf(container);
        if (app === undefined) return [];
        return problemsOf({ app, settings: settingsOf(overlay, container) }).map((problem) => `${title}: ${problem}`);
      }),
    );
}

/** `own` are the keys where the overlay itself makes it. */
function eachReference(
  problemOf: (found: { reference: Reference; own: string[] | undefined }) => string | false,
): (overlay: Overlay) => string[] {
  return (overlay) =>
    workloads(overlay).flatMap((workload: Workload) =>
      told(referencesIn(workload), (reference) => {
        const made = ofKind(overlay, reference.kind).find(({ metadata }) => metadata.name === reference.name);
        const own = made && Object.keys({ ...made.data, ...('stringData' in made ? made.stringData : {}) });
        const problem = problemOf({ reference, own });
        return problem && `${workload.title}: ${reference.kind} ${reference.name}: ${problem}`;
      }),
    );
}
