import type { IContainer, IProbe } from 'kubernetes-models/v1';
import { REMOVED } from '../mistakes.ts';
import { type Overlay, workloads } from '../objects.ts';
import { appOf } from '../settings.ts';
import { type Policy, CONTAINER, told } from './policy.ts';

/** Of apps with an admin port, where it is. */
const ADMIN_PORTS: Record<string, number> = { edge: 9001, producers: 9003 };

/** How the kubelet finds out how a container is. */
export const PROBE_POLICIES: readonly Policy[] = [
  {
    name: 'a server has a startup, a readiness and a liveness probe, and the last two ask different things',
    why: 'a pod that is not ready should get no newcomers; restarting it is another matter, and would cost its clients their connections',
    check: eachServer(({ startupProbe, readinessProbe, livenessProbe }) => {
      if (!startupProbe || !readinessProbe || !livenessProbe) return 'lacks a probe';
      return (
        JSON.stringify(handlerOf(readinessProbe)) === JSON.stringify(handlerOf(livenessProbe)) && 'is asked the same'
      );
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.startupProbe`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.readinessProbe`, REMOVED],
      ['Deployment/producers', `${CONTAINER}.livenessProbe`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.livenessProbe.httpGet.path`, '/readyz'],
      ['StatefulSet/valkey', `${CONTAINER}.readinessProbe`, REMOVED, 'local'],
    ],
  },
  {
    name: 'readiness asks /readyz, startup and liveness /livez, on the admin port',
    why: '/livez is about the process alone; a restart because Redis is away would only add to the outage',
    check: eachServer((container) => {
      const { startupProbe, readinessProbe, livenessProbe } = container;
      const port = ADMIN_PORTS[appOf(container) ?? ''];
      if (port === undefined) return false;
      const asked = [startupProbe, readinessProbe, livenessProbe].map((probe) => askedOf(container, probe));
      const right = ['/livez', '/readyz', '/livez'].map((path) => `${port}${path}`);
      return asked.join(' ') !== right.join(' ') && `is asked ${asked.join(' ')}`;
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.readinessProbe.httpGet.path`, '/livez'],
      ['Deployment/edge', `${CONTAINER}.readinessProbe.httpGet.path`, '/ready'],
      ['Deployment/edge', `${CONTAINER}.startupProbe.httpGet.path`, '/readyz'],
      ['Deployment/edge', `${CONTAINER}.readinessProbe.httpGet.port`, 'clients'],
      ['Deployment/edge', `${CONTAINER}.livenessProbe.httpGet.port`, 'metrics'],
      ['Deployment/producers', `${CONTAINER}.ports.0.containerPort`, 9001],
    ],
  },
  {
    name: 'Prometheus is told the port of the metrics',
    why: 'it would scrape the port for clients, or nothing, and the autoscaler with it',
    check: (overlay) =>
      told(workloads(overlay), ({ title, pod, podAnnotations }) => {
        const [port] = pod.containers.map((container) => ADMIN_PORTS[appOf(container) ?? '']);
        const scraped =
          podAnnotations['prometheus.io/scrape'] === 'true' ? podAnnotations['prometheus.io/port'] : undefined;
        return port !== undefined && scraped !== String(port) && `${title}: ${scraped}`;
      }),
    mistakes: [
      ['Deployment/edge', 'spec.template.metadata.annotations', REMOVED],
      [
        'Deployment/producers',
        'spec.template.metadata.annotations',
        { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9001' },
      ],
    ],
  },
  {
    name: 'an edge that does not answer gets no newcomers after 5 s, and is restarted only after 30 s',
    why: 'the first costs nobody anything, the second costs every client of the pod its connection',
    check: eachServer((container) => {
      if (appOf(container) !== 'edge') return false;
      if (secondsOf(container.readinessProbe) > 5) return 'is offered newcomers for longer';
      return secondsOf(container.livenessProbe) < 30 && 'is restarted earlier';
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.readinessProbe.periodSeconds`, REMOVED],
      ['Deployment/edge', `${CONTAINER}.readinessProbe.failureThreshold`, 5],
      ['Deployment/edge', `${CONTAINER}.livenessProbe.periodSeconds`, 2],
    ],
  },
  {
    name: 'a server has 30 s to start, and more where it reads its data first',
    why: 'a node that is busy with many starts is slow; a restart in between begins anew',
    check: eachServer((container) => {
      const least = appOf(container) === undefined ? 300 : 30;
      return secondsOf(container.startupProbe) < least && `has less than ${least} s`;
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.startupProbe.failureThreshold`, 3],
      ['StatefulSet/valkey', `${CONTAINER}.startupProbe.failureThreshold`, 30, 'local'],
    ],
  },
];

function handlerOf({ httpGet, exec, tcpSocket, grpc }: IProbe): unknown {
  return { httpGet, exec, tcpSocket, grpc };
}

/** `9001/readyz`, the port's name resolved. */
function askedOf({ ports = [] }: IContainer, probe: IProbe | undefined): string {
  const { port, path } = probe?.httpGet ?? {};
  const number = typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.containerPort;
  return `${number}${path}`;
}

/** Until the kubelet acts. */
function secondsOf({ periodSeconds = 10, failureThreshold = 3 }: IProbe = {}): number {
  return periodSeconds * failureThreshold;
}

function eachServer(problemOf: (container: IContainer) => string | false): (overlay: Overlay) => string[] {
  return (overlay) =>
    workloads(overlay)
      .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
      .flatMap(({ title, pod }) =>
        told(pod.containers, (container) => {
          const problem = problemOf(container);
          return problem && `${title}: ${container.name} ${problem}`;
        }),
      );
}
