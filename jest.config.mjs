/** Native ESM: run with NODE_OPTIONS=--experimental-vm-modules, as `npm test` does. */
export default {
  testEnvironment: 'node',
  testMatch: [
    '<rootDir>/packages/*/src/**/*.test.ts',
    '<rootDir>/packages/*/test/**/*.test.ts',
    '<rootDir>/apps/*/src/**/*.test.ts',
    '<rootDir>/apps/*/test/**/*.test.ts',
    '<rootDir>/{deploy,k8s}/**/*.test.ts',
    '<rootDir>/*.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  // Files of containers lie there, copies of our own packages among them.
  modulePathIgnorePatterns: ['<rootDir>/.tickcast/'],
  watchPathIgnorePatterns: ['/dist/', '/.tickcast/', '/.turbo/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testSequencer: '<rootDir>/scripts/lib/long-tests-first.mjs',
  // Real servers are started and real seconds pass; two workers because some tests measure time.
  testTimeout: 30_000,
  maxWorkers: 2,
  // Tests marked `concurrent` mostly wait for seconds to pass.
  maxConcurrency: 20,
};
