import { ensureVenv } from './python.mjs';

const TESTS = ['redis', 'pytest==9.*', 'pytest-asyncio==1.*'];

/** What the Python client is used with today: the newest of what it works on, and what checks and builds it. */
export function newestPython() {
  return ensureVenv('python-websockets-latest', [
    'websockets>=14',
    ...TESTS,
    'pandas',
    'polars',
    'matplotlib',
    'mypy==2.*',
    // What the next minor release says of the same lines, or how it would write them, nobody knows yet.
    'ruff==0.17.*',
    'flit_core>=3.12,<5',
  ]);
}

/** The oldest websockets that the Python client works on; it also knows the `extra_headers` of the seed's sample. */
export function oldestPython() {
  return ensureVenv('python-websockets-13', ['websockets==13.1', ...TESTS]);
}
