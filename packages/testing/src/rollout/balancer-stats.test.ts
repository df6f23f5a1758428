import { expect, test } from '@jest/globals';
import { readServers } from './balancer-stats.ts';

const HEAD = '# pxname,svname,scur,status,last_chk,addr,cookie,';

test('edges are read with their addresses, whatever their last check has said', () => {
  const lines = [
    HEAD,
    'clients,FRONTEND,9,OPEN,,,,',
    'edges,edge-1,3,UP 1/2,"""no"", it says, and more",10.0.0.1:8001,,',
    'edges,edge-2,0,DOWN,,10.0.0.2:8001,,',
    'edges,edge-3,0,MAINT (resolution),,,,',
    'edges,BACKEND,3,UP,,,,',
  ];
  expect(readServers(`${lines.join('\n')}\n\n`)).toEqual([
    { address: '10.0.0.1:8001', isServing: true, sessions: 3 },
    { address: '10.0.0.2:8001', isServing: false, sessions: 0 },
  ]);
});

test('an answer that is no statistics is told', () => {
  expect(() => readServers('<html>\n<body>')).toThrow('expected /stats;csv of HAProxy, with a column pxname: <html>');
});
