/**
 * `node assemble.mjs PACKAGE OUT`: puts what an app needs to run into OUT, for its image: other people's packages into
 * OUT/vendor, the app and the workspaces that it imports into OUT/own. Run it where the workspaces are built and
 * `npm ci --omit=dev` has installed the rest.
 *
 * npm installs more than an app needs: also what the app only tests with, when another workspace needs it to run; types,
 * source maps and READMEs; and the engine's binaries for every platform and version of Node.js, 250 MB of them.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The licences of other people's work go with it, whatever their file is called. */
const LICENCE = /(^|\/)(licen[cs]es?|copying|notice)[^/]*$/i;
const NEVER_LOADED = /\.([mc]?ts|tsx|map|md|markdown|flow|yml)$|(^|\/)\.[^/]+$/;
/** A package's own packages are in the closure by themselves, where it needs them. */
const VENDOR_LEFT_OUT = /^(node_modules|tests?|__tests__|examples?|docs|bench(mark)?s?)(\/|$)/;
/** What a workspace of ours reads when it runs. `dist/generate` writes the protocol's schemas, for developers. */
const OWN = /^(package\.json$|(bin|dist|lua|rules|samples)(\/|$))(?!generate(\/|$))/;
/** The engine looks for the one binary of its platform and of the version of Node.js that loads it. */
const ENGINE = 'uWebSockets.js';
const ENGINE_BINARY = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
const ENGINE_FILES = new Set(['package.json', 'LICENSE', 'uws.js', ENGINE_BINARY]);

const [app, out] = process.argv.slice(2);
const root = process.cwd();

for (const folder of closureOf(realpathSync(join('node_modules', app)))) {
  const path = relative(root, folder);
  if (path.startsWith('node_modules/')) copyVendor(folder, path);
  else copyOwn(folder, path);
}
makeReadable(out);

/** The folders of a package and of all that it needs when it runs. */
function closureOf(folder, found = new Set()) {
  if (found.has(folder)) return found;
  found.add(folder);
  const {
    dependencies = {},
    peerDependencies = {},
    peerDependenciesMeta,
    optionalDependencies = {},
  } = manifestOf(folder);
  for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
    // What a package merely can work with is here because of its types, or of somebody else.
    if (peerDependenciesMeta?.[name]?.optional) continue;
    const needed = resolve(folder, name);
    if (needed !== null) closureOf(needed, found);
    // npm leaves out what is not for this platform.
    else if (!(name in optionalDependencies))
      throw new Error(`${relative(root, folder)} needs ${name}, which is not installed: run npm ci`);
  }
  return found;
}

/** As Node.js looks a package up: in the nearest node_modules above its importer. */
function resolve(importer, name) {
  for (let folder = importer; folder.startsWith(root); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
    if (folder === root) break;
  }
  return null;
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function copyVendor(folder, path) {
  if (path !== `node_modules/${ENGINE}`) {
    copy(
      folder,
      join('vendor', path),
      (file) => !VENDOR_LEFT_OUT.test(file) && (LICENCE.test(file) || !NEVER_LOADED.test(file)),
    );
    return;
  }
  if (!existsSync(join(folder, ENGINE_BINARY)))
    throw new Error(
      `${ENGINE} has no ${ENGINE_BINARY}: it does not run on this platform with Node.js ${process.version}`,
    );
  copy(folder, join('vendor', path), (file) => ENGINE_FILES.has(file));
}

function copyOwn(folder, path) {
  if (!existsSync(join(folder, 'dist'))) throw new Error(`${path} is not built: run npm run build`);
  copy(folder, join('own', path), (file) => OWN.test(file) && !NEVER_LOADED.test(file));
  const link = join(out, 'own/node_modules', manifestOf(folder).name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(out, 'own', path)), link);
}

/** @param {(file: string) => boolean} isWanted asked for each file and folder, by its path in the package */
function copy(folder, path, isWanted) {
  cpSync(folder, join(out, path), {
    recursive: true,
    filter: (source) => source === folder || isWanted(relative(folder, source)),
  });
}

/** By any user and written by none, whatever the umask was under which the repository was cloned. */
function makeReadable(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) makeReadable(path);
    else if (entry.isFile()) chmodSync(path, 0o644);
  }
}
