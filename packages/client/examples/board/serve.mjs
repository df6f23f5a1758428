/**
 * Serves the board on this machine, the SDK's bundle beside it: node serve.mjs [PORT]
 * The token never reaches this server: it goes into the page's form, or into the fragment of the URL.
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';

const [port = '8080'] = process.argv.slice(2);

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const FILES = {
  '/': ['./index.html', HTML],
  '/board.mjs': ['./board.mjs', SCRIPT],
  '/quote-row.mjs': ['./quote-row.mjs', SCRIPT],
  '/words.mjs': ['./words.mjs', SCRIPT],
  '/tickcast.min.js': ['../../dist/tickcast.min.js', SCRIPT],
};
const HEADERS = {
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; connect-src ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

const server = createServer(async (request, response) => {
  const [path, type] = FILES[new URL(request.url, 'http://localhost').pathname] ?? [];
  if (path === undefined) {
    response.writeHead(404, HEADERS).end();
    return;
  }
  try {
    const body = await readFile(new URL(path, import.meta.url));
    response.writeHead(200, { ...HEADERS, 'Content-Type': type }).end(body);
  } catch (error) {
    console.error(`${error.message}: build the package first (npm run build)`);
    response.writeHead(500, HEADERS).end();
  }
});

server.on('error', (error) => {
  console.error(`${error.message}: give another port, node serve.mjs PORT`);
  process.exitCode = 1;
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`The board is at http://localhost:${server.address().port}/`);
  console.log('Put a token into its form (npx tickcast token --sub me), or behind the address: #token=TOKEN');
});
