import { expect, test } from '@jest/globals';
import { functionShares } from '../src/report/profile.ts';

const NODES = [
  node(1, '(idle)'),
  node(2, 'read', 'file:///home/somebody/packages/backplane/dist/reader.js', 39),
  node(3, '', 'file:///home/somebody/node_modules/a/node_modules/b/index.js', 0),
  node(4, '(garbage collector)'),
  // The same function, called from elsewhere.
  node(5, 'read', 'file:///home/somebody/packages/backplane/dist/reader.js', 39),
];

test('functions are told by how often they were at work, idle time apart', () => {
  const samples = [1, 1, 1, 1, 2, 5, 5, 3, 4, 1, 1, 1, 2];
  expect(functionShares({ nodes: NODES, startTime: 0, endTime: 1, samples })).toEqual([
    { function: 'read packages/backplane/dist/reader.js:40', share: 4 / 6 },
    { function: '(anonymous) node_modules/b/index.js:1', share: 1 / 6 },
    { function: '(garbage collector)', share: 1 / 6 },
  ]);
});

test('an edge that was idle all the time has no functions', () => {
  expect(functionShares({ nodes: NODES, startTime: 0, endTime: 1, samples: [1, 1] })).toEqual([]);
});

function node(id: number, functionName: string, url = '', lineNumber = -1) {
  return { id, callFrame: { functionName, scriptId: '0', url, lineNumber, columnNumber: 0 } };
}
