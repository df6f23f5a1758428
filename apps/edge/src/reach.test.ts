import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Reach } from './reach.ts';

const TOPICS = ['a', 'b', 'c'];

/** What a node may do with its sockets and topics, one after the other. */
const step = fc.oneof(
  fc.record({ what: fc.constant('enter' as const) }),
  fc.record({ what: fc.constant('gone' as const), socket: fc.nat(200) }),
  fc.record({ what: fc.constantFrom('join' as const, 'part' as const), socket: fc.nat(200), topic: fc.nat(2) }),
  fc.record({ what: fc.constant('publish' as const), topic: fc.nat(2), isCollected: fc.boolean() }),
  fc.record({ what: fc.constant('ask' as const) }),
);

test('counts what sets of sockets would count: frames of collected streams, and the sockets that got any since it was last asked', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const reach = new Reach();
      const sockets: Array<{ number: number; topics: Set<string> }> = [];
      let frames = 0;
      let reached = new Set<number>();
      const counted: unknown[] = [];
      const expected: unknown[] = [];
      const ask = () => {
        counted.push(reach.takeTraffic());
        expected.push({ frames, sockets: reached.size });
        [frames, reached] = [0, new Set()];
      };
      for (const one of steps) {
        const socket = 'socket' in one ? sockets[one.socket % sockets.length] : undefined;
        const topic = TOPICS['topic' in one ? one.topic : 0] ?? '';
        if (one.what === 'enter') sockets.push({ number: reach.enter(), topics: new Set() });
        else if (one.what === 'join' && socket) {
          socket.topics.add(topic);
          reach.join(topic, socket.number);
        } else if (one.what === 'part' && socket) {
          socket.topics.delete(topic);
          reach.part(topic, socket.number);
        } else if (one.what === 'gone' && socket) {
          // What it got counts first: another may come to have its number.
          ask();
          for (const joined of socket.topics) reach.part(joined, socket.number);
          reach.leave(socket.number);
          sockets.splice(sockets.indexOf(socket), 1);
        } else if (one.what === 'publish') {
          const members = sockets.filter(({ topics }) => topics.has(topic));
          counted.push(reach.publish(topic, one.isCollected));
          expected.push(members.length);
          if (!one.isCollected) continue;
          frames += members.length;
          for (const { number } of members) reached.add(number);
        } else if (one.what === 'ask') ask();
      }
      expect(counted).toEqual(expected);
      expect(new Set(sockets.map(({ number }) => number)).size).toBe(sockets.length);
    }),
    { numRuns: 300 },
  );
});

test('frames of one turn of the loop share a write, those of two do not', async () => {
  const reach = new Reach();
  const [one, other] = [reach.enter(), reach.enter()];
  reach.join('a', one);
  reach.join('a', other);
  reach.join('b', one);
  reach.publish('a', true);
  reach.publish('b', false);
  await new Promise(setImmediate);
  expect({ ...reach }).toMatchObject({ frames: 3, writes: 2 });
  reach.publish('b', false);
  await new Promise(setImmediate);
  expect({ ...reach }).toMatchObject({ frames: 4, writes: 3 });
});
