/**
 * For browsers without a build step: dist/tickcast.min.js is the client in one file without imports, and
 * dist/quant-web-socket.min.js beside it the seed's class on top of it.
 */
import { writeFile } from 'node:fs/promises';
import { minify } from '@swc/core';
import { build } from 'esbuild';

/** Properties that only the client's own files use. What is on the wire or in the public face must not be among them. */
const INTERNAL = `
  action afterMs answered asked attach awaits breakOff changed clock confirmed connected dead deliver describe detach
  disconnected dropped emit ended event expiresAt failed forget frame greet heard intervalMs invalid isRenewable
  isSingle isVital learn left named onReply opened overflowed part ping readers received reconcile refused renew
  request settings silent sockets stop welcomed
`;

const CLIENT = './tickcast.min.js';

/** The modules that are in the client's file need not be in the other one. */
const clientApart = {
  name: 'client-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(client|errors)\.js$/ }, () => ({ path: CLIENT, external: true }));
  },
};

await bundle('browser', 'tickcast', { mangleProps: new RegExp(`^(${INTERNAL.trim().split(/\s+/).join('|')})$`) });
await bundle('quant-web-socket', 'quant-web-socket', { plugins: [clientApart] });

async function bundle(entry, name, options) {
  const { outputFiles } = await build({
    entryPoints: [`dist/${entry}.js`],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
    ...options,
  });
  // A second minifier finds another 5 percent, once it may take every name for the file's own.
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2022,
    compress: { passes: 3, toplevel: true, unsafe_arrows: true },
    mangle: { toplevel: true },
  });
  await writeFile(`dist/${name}.min.js`, code);
}
