import { REMOVED } from '../mistakes.ts';
import { type Overlay, ofKind, title } from '../objects.ts';
import { type Policy, told } from './policy.ts';

const WEBSOCKET_PATH = '/api/v1/websocket';
const CLIENT_PORT = 8001;

/** What the outside world may reach. */
export const EXPOSURE_POLICIES: readonly Policy[] = [
  {
    name: "the only way in from outside is the WebSocket path, to the edges' port for clients",
    why: 'the admin ports show who is connected, and need no password',
    check: (overlay) =>
      told(waysIn(overlay), ({ from, path, service, port }) => {
        const found = ofKind(overlay, 'Service').find(({ metadata }) => metadata.name === service);
        const served = found?.spec?.ports?.find((one) => one.port === port || one.name === port);
        const right = path === `Exact ${WEBSOCKET_PATH}` && service === 'edge' && served?.port === CLIENT_PORT;
        return !right && `${from}: ${path} to ${service}:${port}`;
      }),
    mistakes: [
      ['HTTPRoute/websocket', 'spec.rules.0.matches.0.path', { type: 'PathPrefix', value: '/' }],
      ['HTTPRoute/websocket', 'spec.rules.0.matches', REMOVED],
      ['HTTPRoute/websocket', 'spec.rules.0.backendRefs.0.port', 9001],
      ['HTTPRoute/websocket', 'spec.rules.0.backendRefs.0.name', 'producers'],
      ['HTTPRoute/https-redirect', 'spec.rules.0.backendRefs', [{ name: 'edge', port: 8001 }]],
      ['Ingress/tickcast', 'spec.rules.0.http.paths.0.path', '/', 'production-ingress'],
      ['Ingress/tickcast', 'spec.rules.0.http.paths.0.backend.service.port', { number: 9001 }, 'production-ingress'],
      [
        'Ingress/tickcast',
        'spec.defaultBackend',
        { service: { name: 'edge', port: { name: 'ws' } } },
        'production-ingress',
      ],
    ],
  },
  {
    name: 'no Service leads in from outside by itself, or to an admin port',
    why: 'a LoadBalancer or NodePort would go round TLS and the rule of paths',
    check: (overlay) =>
      told(ofKind(overlay, 'Service'), (object) => {
        const { type = 'ClusterIP', ports = [], externalIPs = [] } = object.spec ?? {};
        const inside = type === 'ClusterIP' && externalIPs.length === 0;
        const admin = ports.some(({ port, targetPort }) => [port, targetPort].some((one) => ADMIN.has(one ?? '')));
        return (!inside || admin) && title(object);
      }),
    mistakes: [
      ['Service/edge', 'spec.type', 'LoadBalancer'],
      ['Service/edge', 'spec.type', 'NodePort'],
      ['Service/edge', 'spec.externalIPs', ['203.0.113.7']],
      ['Service/edge', 'spec.ports.0.targetPort', 'admin'],
    ],
  },
  {
    name: 'clients come in by TLS, and what comes without is sent there',
    why: 'a token that is sent in the clear is lost',
    check: (overlay) => [...gatewayProblems(overlay), ...ingressProblems(overlay)],
    mistakes: [
      ['HTTPRoute/websocket', 'spec.parentRefs.0.sectionName', 'http'],
      ['HTTPRoute/websocket', 'spec.parentRefs.0.sectionName', REMOVED],
      ['HTTPRoute/websocket', 'spec.parentRefs.0.name', 'gateway'],
      ['HTTPRoute/https-redirect', '', REMOVED],
      ['HTTPRoute/https-redirect', 'spec.rules.0.filters.0.requestRedirect.scheme', 'http'],
      ['Gateway/tickcast', 'spec.listeners.0.protocol', 'HTTP'],
      ['Gateway/tickcast', 'spec.listeners.0.tls.mode', 'Passthrough'],
      ['Gateway/tickcast', 'spec.listeners.0.tls.certificateRefs', []],
      ['Ingress/tickcast', 'spec.tls', REMOVED, 'production-ingress'],
      ['Ingress/tickcast', 'spec.tls.0.hosts.0', 'www.example.com', 'production-ingress'],
      ['Ingress/tickcast', 'spec.rules.0.host', REMOVED, 'production-ingress'],
      ['Ingress/tickcast', 'metadata.annotations', {}, 'production-ingress'],
      ['Ingress/tickcast', 'spec.ingressClassName', REMOVED, 'production-ingress'],
    ],
  },
  {
    name: 'nothing on the way in ends a WebSocket because it lasts',
    why: 'to a proxy it is one request, and its usual 30 or 60 s for one would end each client after that time',
    check: (overlay) => [
      ...told(routesToEdges(overlay), (object) => {
        const rules = object.spec?.rules ?? [];
        const off = rules.every(({ timeouts }) => timeouts?.request === '0s' && timeouts.backendRequest === '0s');
        return !off && title(object);
      }),
      ...told(ofKind(overlay, 'Ingress'), (object) => {
        const timeouts = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => /timeout/.test(key));
        const long = timeouts.length >= 3 && timeouts.every(([, value]) => value === '1h' || Number(value) >= 3600);
        return !long && title(object);
      }),
    ],
    mistakes: [
      ['HTTPRoute/websocket', 'spec.rules.0.timeouts', REMOVED],
      ['HTTPRoute/websocket', 'spec.rules.0.timeouts.request', '60s'],
      ['HTTPRoute/websocket', 'spec.rules.0.timeouts.backendRequest', REMOVED],
      ['Ingress/tickcast', 'metadata.annotations', { 'haproxy.org/timeout-tunnel': '1m' }, 'production-ingress'],
    ],
  },
];

const ADMIN = new Set<string | number>([9001, 9003, 'admin']);

interface WayIn {
  from: string;
  /** With the kind of match: `Exact /path`. */
  path: string;
  service: string | undefined;
  port: number | string | undefined;
}

function waysIn(overlay: Overlay): WayIn[] {
  const routes = ofKind(overlay, 'HTTPRoute').flatMap((object) =>
    (object.spec?.rules ?? []).flatMap(({ matches = [{}], backendRefs = [] }) =>
      backendRefs.flatMap(({ name: service, port }) =>
        // What is left out is a prefix of everything (Gateway API, HTTPRouteMatch).
        matches.map(({ path }): WayIn => {
          return { from: title(object), path: `${path?.type ?? 'PathPrefix'} ${path?.value ?? '/'}`, service, port };
        }),
      ),
    ),
  );
  const ingresses = ofKind(overlay, 'Ingress').flatMap((object) => {
    const paths = (object.spec?.rules ?? []).flatMap(({ http }) => http?.paths ?? []);
    const whole = { path: '/', pathType: 'Prefix', backend: object.spec?.defaultBackend };
    return [...paths, ...(whole.backend === undefined ? [] : [whole])].map(
      ({ path = '/', pathType, backend }): WayIn => {
        const { name: service, port } = backend?.service ?? {};
        return { from: title(object), path: `${pathType} ${path}`, service, port: port?.name ?? port?.number };
      },
    );
  });
  return [...routes, ...ingresses];
}

function routesToEdges(overlay: Overlay): ReturnType<typeof ofKind<'HTTPRoute'>> {
  return ofKind(overlay, 'HTTPRoute').filter(({ spec }) =>
    spec?.rules?.some(({ backendRefs = [] }) => backendRefs.length > 0),
  );
}

function gatewayProblems(overlay: Overlay): string[] {
  const routes = ofKind(overlay, 'HTTPRoute');
  const toEdges = routesToEdges(overlay);
  return ofKind(overlay, 'Gateway').flatMap((gateway) =>
    told(gateway.spec?.listeners ?? [], ({ name, protocol, tls }) => {
      const bound = routes.filter(({ spec }) =>
        (spec?.parentRefs ?? []).some(
          (parent) => parent.name === gateway.metadata.name && [undefined, name].includes(parent.sectionName),
        ),
      );
      if (protocol === 'HTTPS') {
        const own = tls?.mode === 'Terminate' && (tls.certificateRefs ?? []).length > 0;
        return !(own && bound.some((route) => toEdges.includes(route))) && `${title(gateway)}: ${name}`;
      }
      const filters = bound.flatMap(({ spec }) => spec?.rules ?? []).flatMap((rule) => rule.filters ?? []);
      const redirects = filters.some(({ requestRedirect }) => requestRedirect?.scheme === 'https');
      const leaks = bound.some((route) => toEdges.includes(route));
      return (leaks || !redirects) && `${title(gateway)}: ${name} is in the clear`;
    }),
  );
}

function ingressProblems(overlay: Overlay): string[] {
  return told(ofKind(overlay, 'Ingress'), (object) => {
    const { tls = [], rules = [], ingressClassName } = object.spec ?? {};
    const covered = new Set(tls.filter(({ secretName }) => secretName).flatMap(({ hosts = [] }) => hosts));
    const redirects = Object.entries(object.metadata.annotations ?? {}).filter(([key]) =>
      key.endsWith('/ssl-redirect'),
    );
    const right =
      rules.every(({ host = '' }) => covered.has(host)) &&
      redirects.length > 0 &&
      redirects.every(([, value]) => value === 'true');
    return (!right || ingressClassName === undefined) && title(object);
  });
}
