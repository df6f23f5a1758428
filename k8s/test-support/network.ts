import { BlockList, isIPv6 } from 'node:net';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { type Overlay, ofKind, selects } from './objects.ts';

type Spec = NonNullable<INetworkPolicy['spec']>;
type Rule = NonNullable<Spec['ingress']>[number] & NonNullable<Spec['egress']>[number];
type Peer = NonNullable<Rule['from']>[number];
type Selector = NonNullable<Peer['podSelector']>;

/** One end of a connection: a pod with its labels and those of its namespace, or an address outside of the cluster. */
export type End =
  { namespace: string; namespaceLabels?: Record<string, string>; labels: Record<string, string> } | { address: string };

export interface Door {
  port: number;
  protocol: 'TCP' | 'UDP';
  /** The name that the port has in the pod, which policies may use for it. */
  portName?: string;
}

/**
 * Whether the network policies of an overlay let a connection through, as the API reference of NetworkPolicy says: a pod that
 * any policy selects for a direction may do only what one of those policies allows; both ends must.
 */
export function isLetThrough(overlay: Overlay, from: End, to: End, door: Door): boolean {
  return isAllowed(overlay, 'Egress', from, to, door) && isAllowed(overlay, 'Ingress', to, from, door);
}

function isAllowed(overlay: Overlay, direction: 'Ingress' | 'Egress', own: End, other: End, door: Door): boolean {
  const policies = ofKind(overlay, 'NetworkPolicy').filter(
    ({ metadata, spec }) =>
      'labels' in own &&
      metadata.namespace === own.namespace &&
      matches(spec?.podSelector, own.labels) &&
      directionsOf(spec).includes(direction),
  );
  if (policies.length === 0) return true;
  return policies.some(({ metadata, spec }) => {
    const rules: Rule[] = (direction === 'Ingress' ? spec?.ingress : spec?.egress) ?? [];
    return rules.some((rule) => {
      const peers = rule.from ?? rule.to ?? [];
      const isPeer = peers.length === 0 || peers.some((peer) => isThatPeer(peer, other, metadata.namespace ?? ''));
      return isPeer && isThatDoor(rule, door);
    });
  });
}

/** What is left out is Ingress, and Egress where there are rules for it. */
function directionsOf(spec: INetworkPolicy['spec']): readonly string[] {
  return spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])];
}

function isThatPeer(peer: Peer, end: End, ownNamespace: string): boolean {
  if ('address' in end) return peer.ipBlock !== undefined && isInBlock(peer.ipBlock, end.address);
  if (peer.ipBlock !== undefined) return false;
  const isNamespace =
    peer.namespaceSelector === undefined
      ? end.namespace === ownNamespace
      : matches(peer.namespaceSelector, { 'kubernetes.io/metadata.name': end.namespace, ...end.namespaceLabels });
  return isNamespace && matches(peer.podSelector, end.labels);
}

function isThatDoor({ ports = [] }: Rule, door: Door): boolean {
  return (
    ports.length === 0 ||
    ports.some(({ port, endPort, protocol = 'TCP' }) => {
      if (protocol !== door.protocol) return false;
      if (port === undefined || port === door.portName) return true;
      return door.port >= Number(port) && door.port <= (endPort ?? Number(port));
    })
  );
}

function isInBlock({ cidr, except = [] }: NonNullable<Peer['ipBlock']>, address: string): boolean {
  return contains([cidr], address) && !contains(except, address);
}

function contains(ranges: readonly string[], address: string): boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [start = '', bits] = range.split('/');
    list.addSubnet(start, Number(bits), isIPv6(start) ? 'ipv6' : 'ipv4');
  }
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function matches(selector: Selector | undefined, labels: Record<string, string>): boolean {
  const fits = (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    // Ours have no other; one that is written one day must not be taken for "everything".
    if (operator !== 'NotIn') throw new Error(`${operator} is not understood here yet`);
    return !values.includes(labels[key] ?? '');
  });
  return fits && selects(selector?.matchLabels, labels);
}
