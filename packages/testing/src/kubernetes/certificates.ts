import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { NETWORK, NODE_NAME, type Layout } from './layout.ts';

const DAYS = '2';

/** Who talks to whom in a cluster; groups are the O of the subject. https://kubernetes.io/docs/setup/best-practices/certificates/ */
const IDENTITIES: readonly { name: string; subject: string; hosts?: string }[] = [
  {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    hosts: `IP:${NETWORK.apiService},IP:127.0.0.1,IP:${NETWORK.nodeAddress},DNS:kubernetes.default.svc`,
  },
  { name: 'admin', subject: '/O=system:masters/CN=admin' },
  { name: 'kubelet-client', subject: '/O=system:masters/CN=apiserver-kubelet-client' },
  {
    name: 'node',
    subject: `/O=system:nodes/CN=system:node:${NODE_NAME}`,
    hosts: `IP:${NETWORK.nodeAddress},DNS:${NODE_NAME}`,
  },
  { name: 'controller-manager', subject: '/CN=system:kube-controller-manager' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'proxy', subject: '/CN=system:kube-proxy' },
  // The API server itself, before the servers that extend it.
  { name: 'aggregator', subject: '/CN=aggregator' },
];

/** Makes an authority of its own, the components' certificates and kubeconfigs, and the key of service accounts' tokens. */
export async function makeCertificates({ certificates: folder }: Layout): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const openssl = (...args: string[]): Promise<string> => runCommand('openssl', args, { cwd: folder });
  const makeKey = (name: string): Promise<string> =>
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);

  await makeKey('ca');
  await openssl('req', '-x509', '-new', '-key', 'ca.key', '-days', DAYS, '-subj', '/CN=tickcast-e2e', '-out', 'ca.crt');
  for (const { name, subject, hosts } of IDENTITIES) {
    await makeKey(name);
    const names = hosts === undefined ? '' : `subjectAltName=${hosts}\n`;
    await writeFile(join(folder, `${name}.ext`), `extendedKeyUsage=clientAuth,serverAuth\n${names}`);
    await openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', DAYS];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-extfile', `${name}.ext`, '-out', `${name}.crt`);
    await writeFile(join(folder, `${name}.kubeconfig`), kubeconfig(folder, name), { mode: 0o600 });
  }
  await openssl('genrsa', '-out', 'accounts.key', '2048');
  await openssl('rsa', '-in', 'accounts.key', '-pubout', '-out', 'accounts.pub');
}

function kubeconfig(folder: string, name: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'tickcast-e2e',
        cluster: {
          server: `https://${NETWORK.nodeAddress}:6443`,
          'certificate-authority': join(folder, 'ca.crt'),
        },
      },
    ],
    users: [
      { name, user: { 'client-certificate': join(folder, `${name}.crt`), 'client-key': join(folder, `${name}.key`) } },
    ],
    contexts: [{ name, context: { cluster: 'tickcast-e2e', user: name } }],
    'current-context': name,
  });
}
