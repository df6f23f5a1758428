import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { ManagedProcess } from '../processes.ts';
import { makeCertificates } from './certificates.ts';
import { runCommand } from '../command.ts';
import { NETWORK, type Layout } from './layout.ts';
import type { Machine } from './machine.ts';

/** Starts etcd, the API server, the controllers and the scheduler, and resolves when the API is ready and its rules of access are in. */
export async function startControlPlane(machine: Machine, layout: Layout): Promise<ManagedProcess[]> {
  const { certificates, programs, state } = layout;
  await makeCertificates(layout);
  const file = (name: string): string => join(certificates, name);
  const program = (name: string): string => join(programs, name);
  const asWho = (name: string): string[] =>
    ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
      (flag) => `--${flag}=${file(`${name}.kubeconfig`)}`,
    );

  const etcd = await machine.start('etcd', 'etcd', [
    `--data-dir=${join(state, 'etcd')}`,
    '--listen-client-urls=http://127.0.0.1:2379',
    '--advertise-client-urls=http://127.0.0.1:2379',
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--unsafe-no-fsync',
  ]);
  const apiServer = await machine.start('kube-apiserver', program('kube-apiserver'), [
    '--etcd-servers=http://127.0.0.1:2379',
    `--advertise-address=${NETWORK.nodeAddress}`,
    '--secure-port=6443',
    `--service-cluster-ip-range=${NETWORK.services}`,
    `--service-node-port-range=${NETWORK.nodePorts}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt')}`,
    `--kubelet-client-key=${file('kubelet-client.key')}`,
    `--kubelet-certificate-authority=${file('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--service-account-key-file=${file('accounts.pub')}`,
    `--service-account-signing-key-file=${file('accounts.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--authorization-mode=Node,RBAC',
    `--proxy-client-cert-file=${file('aggregator.crt')}`,
    `--proxy-client-key-file=${file('aggregator.key')}`,
    `--requestheader-client-ca-file=${file('ca.crt')}`,
    '--requestheader-allowed-names=aggregator',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--enable-admission-plugins=NodeRestriction',
    // The proxy to Services and the network of this node are containers of their own, with rights on the node.
    '--allow-privileged=true',
  ]);
  // Ready only when the roles that the other components need have been written.
  await eventually(
    () => runCommand(program('kubectl'), [`--kubeconfig=${layout.kubeconfig}`, 'get', '--raw=/readyz']),
    {
      withinMs: 60_000,
      giveUp: () => !apiServer.running || !etcd.running,
    },
  );
  const controllers = await machine.start('kube-controller-manager', program('kube-controller-manager'), [
    ...asWho('controller-manager'),
    `--service-account-private-key-file=${file('accounts.key')}`,
    `--root-ca-file=${file('ca.crt')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    // A killed node's pods are not what is looked at here; a namespace should go as soon as it is empty.
    '--concurrent-namespace-syncs=20',
  ]);
  const scheduler = await machine.start('kube-scheduler', program('kube-scheduler'), [
    ...asWho('scheduler'),
    '--leader-elect=false',
  ]);
  return [etcd, apiServer, controllers, scheduler];
}
