import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Overlay, containersOf, workloads } from '../objects.ts';
import { appOf } from '../settings.ts';
import { ROOT } from '../tree.ts';
import { type Policy, CONTAINER, told } from './policy.ts';

/** The one registry that may stand in our manifests: who deploys puts his own there. */
const PLACEHOLDER = 'registry.example.com/';

/** Where a pod's code comes from. */
export const IMAGE_POLICIES: readonly Policy[] = [
  {
    name: 'an image has a fixed tag',
    why: 'with `latest`, or none, the pods of one Deployment run whatever their node happened to get, and there is no way back',
    check: eachImage((image) => !/:v?\d[\w.-]*$|@sha256:[0-9a-f]{64}$/.test(image)),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.image`, 'registry.example.com/tickcast/edge'],
      ['Deployment/edge', `${CONTAINER}.image`, 'registry.example.com/tickcast/edge:latest'],
      ['StatefulSet/valkey', `${CONTAINER}.image`, 'valkey/valkey', 'local'],
    ],
  },
  {
    name: 'our images are of the version that is in this repository',
    why: 'the manifests go with it: their variables, paths and times are those of this version',
    check: eachImage((image, app) => app !== undefined && !image.endsWith(`:${versionOf(app)}`)),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.image`, 'registry.example.com/tickcast/edge:0.0.1'],
      ['Deployment/producers', `${CONTAINER}.image`, 'tickcast/producers:0.0.1', 'local'],
    ],
  },
  {
    name: 'no registry is named but the placeholder',
    why: 'which one is used is for those who deploy to say',
    check: eachImage((image) => {
      const [host = ''] = image.replace(PLACEHOLDER, '').split('/');
      return image.includes('/') && /[.:]|^localhost$/.test(host.replace(/:[^:]*$/, ''));
    }),
    mistakes: [
      ['Deployment/edge', `${CONTAINER}.image`, 'registry.other.example/tickcast/edge:0.1.0'],
      ['StatefulSet/valkey', `${CONTAINER}.image`, 'localhost/valkey:8.1', 'local'],
    ],
  },
];

function versionOf(app: string): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'apps', app, 'package.json'), 'utf8')) as { version: string };
  return version;
}

function eachImage(isWrong: (image: string, app: string | undefined) => boolean): (overlay: Overlay) => string[] {
  return (overlay) =>
    workloads(overlay).flatMap((workload) =>
      told(containersOf(workload), (container) => {
        const { image = '' } = container;
        return isWrong(image, appOf(container)) && `${workload.title}: ${image}`;
      }),
    );
}
