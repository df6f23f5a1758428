import { expect, test } from '@jest/globals';
import { EPOCH, numbered } from '../test/support/events.ts';
import { MemorySocket, hubInMemory } from '../test/support/parts.ts';
import { Connection } from './connection.ts';
import { Metrics } from './metrics.ts';
import { Replay } from './replay.ts';
import { Stream } from './stream.ts';

const MAX_BUFFERED_BYTES = 65_537;

function replayTo(socket: MemorySocket) {
  const { hub } = hubInMemory();
  hub.stop();
  const now = () => performance.now();
  const connection = new Connection({
    socket,
    lang: 'en',
    hub,
    metrics: new Metrics(),
    now,
    maxBufferedBytes: MAX_BUFFERED_BYTES,
  });
  connection.phase = 'seated';
  const stream = new Stream({ channel: 'alerts', key: null }, 0);
  stream.startFrom({ epoch: EPOCH, seq: 0 }, null);
  const events = [numbered(1, { keep: true }), numbered(2, { keep: true })];
  const since = { epoch: EPOCH, seq: 0 };
  const read = async () => ({ events, more: true });
  return { connection, replay: new Replay({ connection, stream, since, read, now, onDone: () => undefined }) };
}

test('while a replay waits for its client it keeps no live alerts: the next page will have them', async () => {
  const socket = new MemorySocket();
  const { replay } = replayTo(socket);
  await replay.open();
  socket.buffered = MAX_BUFFERED_BYTES;
  replay.run();
  for (let seq = 3; seq < 1000; seq += 1) replay.offer({ event: numbered(seq), conflated: 0, holes: [] });
  expect(replay.end()).toEqual([]);
});

test('a page of the log is asked for in whole bytes', () => {
  const { connection } = replayTo(new MemorySocket());
  expect(connection.pageBytes).toBe(32_768);
});
