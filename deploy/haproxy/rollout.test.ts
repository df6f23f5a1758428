/** A full fleet behind the deployed configuration of the balancer is rolled, scaled and robbed of an edge. */
import { expect, test } from '@jest/globals';
import { describeReport, killOne, roll, scale, startProcessFleet } from '@tickcast/testing';

const CAP = 1000;
const env = { TICKCAST_DRAIN_SECONDS: '5' };

test('a full fleet is rolled through its balancer: 1000 clients keep their seats and get every alert once, and newcomers get nothing', async () => {
  const fleet = await startProcessFleet({ edges: 3, cap: CAP, env });
  const report = await roll(fleet);
  expect(report).toMatchObject({ clients: CAP, failedReturns: [], brokenKnocks: [] });
  expect(report.knocks).toBeGreaterThan(50);
  // How long it takes is for people to judge, on a machine of which they know what else it does.
  process.stdout.write(`${describeReport(report)}\n`);
  await fleet.stop();
}, 180_000);

test('a fleet is scaled from 2 edges to 5 and back: newcomers go to the new edges, and those that end do so cleanly', async () => {
  const fleet = await startProcessFleet({ edges: 2, cap: CAP, env });
  const report = await scale(fleet, { from: 2, to: 5 });
  expect(report).toMatchObject({ failedReturns: [], brokenKnocks: [] });
  await fleet.stop();
}, 120_000);

test('an edge of a full fleet is killed: the balancer leaves it within 5 s, seats whose clients are gone are free within 16 s', async () => {
  const fleet = await startProcessFleet({ edges: 3, cap: CAP, env });
  const report = await killOne(fleet);
  expect(report.returned).toBeGreaterThan(CAP / 10);
  // Of a process that is dead the kernel says so at once: nobody need ever fail.
  expect(report).toMatchObject({ failedReturns: [], brokenKnocks: [] });
  await fleet.stop();
}, 120_000);
