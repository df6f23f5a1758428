/** What k8s/README.md tells one to type and to open is there. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ofKind, title, workloads } from './test-support/objects.ts';
import { variablesOf } from './test-support/settings.ts';
import { readme, readmeCode } from './test-support/readme.ts';
import { renderOverlays } from './test-support/render.ts';
import { ROOT, overlayFolders } from './test-support/tree.ts';

const overlays = await renderOverlays();
const code = readmeCode();

/** Made by make-secrets.sh, or by who deploys. */
const MADE_BY_HAND = /^k8s\/overlays\/local\/secrets\//;

test('every folder that it applies is an overlay, and renders', () => {
  const applied = code.flatMap((line) => [...line.matchAll(/ -k (\S+)/g)].map(([, folder = '']) => folder));
  expect(applied.length).toBeGreaterThan(2);
  for (const folder of applied) expect(overlayFolders().map((one) => `k8s/${one}`)).toContain(folder);
  expect(overlays.map(({ name }) => name)).toEqual(overlayFolders().map((folder) => basename(folder)));
});

test('every overlay and component is on the page', () => {
  const links = linksOf(readme());
  for (const folder of overlayFolders()) expect(links).toContain(folder);
});

test('every path that it links to or names in code is there', () => {
  const named = code
    .flatMap((line) => line.match(/(?<![\w./-])(k8s|deploy|components|overlays|base)\/[\w./-]+/g) ?? [])
    .map((path) => (/^(k8s|deploy)\//.test(path) ? path : `k8s/${path}`))
    .filter((path) => !MADE_BY_HAND.test(path));
  const linked = linksOf(readme()).map((path) => join('k8s', path));
  expect(named.length).toBeGreaterThan(5);
  expect(linked.length).toBeGreaterThan(5);
  expect([...named, ...linked].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('every object of ours that its commands name is made by an overlay, or by a command before', () => {
  const jobs = code.flatMap((line) =>
    [...line.matchAll(/\bcreate job .*?([a-z][\w.-]*)$/g)].map(([, name]) => `job/${name}`),
  );
  const objects = overlays.flatMap((overlay) => overlay.objects.map((object) => title(object).toLowerCase()));
  const made = new Set([...objects, ...jobs]);
  const named = code
    .filter((line) => line.startsWith('kubectl -n tickcast'))
    .flatMap((line) => line.match(/\b(deployment|statefulset|service|cronjob|job)\/[a-z][\w.-]*/g) ?? []);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !made.has(name))).toEqual([]);
});

test('every label that it selects or sets by is one that the manifests know', () => {
  const labels = code.flatMap((line) => line.match(/\b(app\.kubernetes\.io|tickcast\.dev)\/[\w-]+=\w+/g) ?? []);
  const known = new Set(
    overlays
      .flatMap((overlay) => workloads(overlay))
      .flatMap(({ podLabels }) => Object.entries(podLabels).map(([key, value]) => `${key}=${value}`)),
  );
  expect(labels.length).toBeGreaterThan(1);
  expect(labels.filter((label) => !known.has(label))).toEqual([]);
});

test('every variable that it names is one that our apps read', () => {
  const read = new Set(['edge', 'producers', 'cli'].flatMap(variablesOf));
  const named = readme().match(/\bTICKCAST_[A-Z_]+\b/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !read.has(name))).toEqual([]);
});

test('every port that it names is one that a Service or a container has', () => {
  const ports = new Set(
    overlays.flatMap((overlay) => [
      ...ofKind(overlay, 'Service').flatMap(({ spec }) => spec?.ports?.map(({ port }) => port) ?? []),
      ...workloads(overlay).flatMap(({ pod }) =>
        pod.containers.flatMap((container) => container.ports?.map(({ containerPort }) => containerPort) ?? []),
      ),
    ]),
  );
  const forwarded = code.flatMap((line) =>
    [...line.matchAll(/\bport-forward \S+ \d+:(\d+)/g)].map(([, port]) => Number(port)),
  );
  expect(forwarded.length).toBeGreaterThan(1);
  expect(forwarded.filter((port) => !ports.has(port))).toEqual([]);
});

test('every heading that it links to is there', () => {
  const headings = [...readme().matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  const anchors = new Set(headings.map((heading) => heading.replaceAll(/[^\w -]/g, '').replaceAll(' ', '-')));
  const linked = [...readme().matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
  expect(linked.filter((anchor) => !anchors.has(anchor))).toEqual([]);
});

/** Of a page in k8s/, links into the repository, from k8s/ on. */
function linksOf(page: string): string[] {
  return [...page.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
}
