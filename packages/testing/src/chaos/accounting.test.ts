/** The checker finds what is wrong in rows of frames that are made wrong on purpose, and nothing in those that are right. */
import { beforeEach, expect, test } from '@jest/globals';
import { Accounting, type ClientAccount } from './accounting.ts';
import { PublishedStream } from './published.ts';

let alerts: PublishedStream;
let quotes: PublishedStream;
let agent: PublishedStream;
let accounting: Accounting;
let client: ClientAccount;

beforeEach(() => {
  alerts = new PublishedStream('alerts', null);
  quotes = new PublishedStream('market_data', 'A');
  agent = new PublishedStream('agent_status', 'a');
  accounting = new Accounting([alerts, quotes, agent]);
  client = accounting.client('c');
});

/** Publishes events whose numbers go on from `seq`. */
function publish(stream: PublishedStream, count: number, from = stream.sent + 1, state = ''): void {
  for (let index = 0; index < count; index++) stream.answered(stream.send(state), from + index);
}

function alert(seq: number, n = seq, more: object = {}): void {
  receive({ type: 'alerts', seq, data: { n }, ...more });
}

function quote(seq: number, n = seq, more: object = {}): void {
  receive({ type: 'market_data', symbol: 'A', seq, data: { n }, ...more });
}

function status(seq: number, more: object = {}): void {
  receive({ type: 'agent_status', agent_id: 'a', seq, data: { n: seq }, ...more });
}

function gap(epoch: string, from: number, to: number | null, more: object = {}): void {
  receive({ type: 'gap', channel: 'alerts', key: null, epoch, from, to, recoverable: false, ...more });
}

function receive(frame: Record<string, unknown>): void {
  client.received(frame, JSON.stringify(frame));
}

function found(): string[] {
  accounting.settle();
  return accounting.violations.map(({ kind }) => kind);
}

test('a whole row is in order, and so is one that is received before its publisher has the answers', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 2);
  const late = alerts.send();
  for (const seq of [1, 2, 3]) alert(seq);
  expect(found()).toEqual([]);
  alerts.answered(late, 3);
  expect(found()).toEqual([]);
  expect(accounting.arrears()).toEqual([]);
});

test('an event that is left out is a loss, by number and by count', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  alert(1);
  alert(3);
  expect(found()).toEqual(['loss', 'loss']);
});

test('an event that is left out is a loss even when the numbers hide it', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  alert(1);
  alert(2, 3);
  expect(found()).toEqual(['loss']);
});

test('the last event left out is an arrear', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  alert(1);
  alert(2);
  expect(found()).toEqual([]);
  expect(accounting.arrears()).toEqual([{ client: 'c', stream: 'alerts', missing: 1 }]);
});

test('an event that comes twice is a duplicate, an older one disorder', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 2 });
  publish(alerts, 2);
  client.begin('alerts', null, { epoch: 'E', seq: 2 });
  publish(alerts, 2);
  alert(3);
  alert(3);
  expect(found()).toContain('duplicate');
  alert(2);
  expect(found()).toContain('disorder');
});

test('an event that nobody published is told', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  alert(1, 7);
  expect(found()).toEqual(['phantom']);
});

test('a hole that is declared is none; one that is declared too small is', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 8);
  alert(1);
  gap('E', 2, 4);
  alert(5);
  expect(found()).toEqual([]);
  gap('E', 6, 6);
  alert(8);
  expect(found()).toEqual(['loss', 'loss']);
});

test('a hole at the end that is declared leaves nothing in arrears', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  alert(1);
  gap('E', 2, 3);
  expect(accounting.arrears()).toEqual([]);
});

test('a gap over what was delivered, or of another epoch, is misdeclared', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 2);
  alert(1);
  alert(2);
  gap('E', 2, 2);
  gap('F', 3, 3);
  expect(found()).toEqual(['misdeclared', 'misdeclared']);
});

test('a new epoch begins at 1 after the old one was declared over', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  publish(alerts, 2, 1);
  alert(1);
  alert(2);
  gap('E', 3, null);
  alert(1, 4);
  alert(2, 5);
  expect(found()).toEqual([]);
});

test('a new epoch that begins later, or without a word, is found', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  publish(alerts, 2, 1);
  for (const seq of [1, 2, 3]) alert(seq);
  gap('E', 4, null);
  alert(2, 5);
  expect(found()).toEqual(['loss']);
  const other = accounting.client('d');
  other.begin('alerts', null, { epoch: 'F', seq: 2 });
  publish(alerts, 1, 3);
  publish(alerts, 1, 1);
  for (const [seq, n] of [
    [3, 6],
    [1, 7],
  ] as const) {
    other.received({ type: 'alerts', seq, data: { n } }, '');
  }
  expect(found()).toContain('disorder');
});

test('an epoch declared over while the numbering went on is misdeclared', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 3);
  alert(1);
  gap('E', 2, null);
  alert(1, 3);
  expect(found()).toEqual(['misdeclared']);
});

test('events whose publishing broke off may be missing or not', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 1);
  alerts.unknown(alerts.send());
  alerts.refused(alerts.send());
  publish(alerts, 1, 2);
  alert(1);
  alert(2, 4);
  expect(found()).toEqual([]);
  alerts.unknown(alerts.send());
  publish(alerts, 1, 4);
  alert(3, 5);
  alert(4, 6);
  expect(found()).toEqual([]);
});

test('merged events count, and too few or too many of them are found', () => {
  publish(quotes, 1);
  client.begin('market_data', 'A', { epoch: 'E', seq: 1 });
  quote(1, 1, { snapshot: true });
  publish(quotes, 9);
  quote(4, 4, { conflated: 2 });
  expect(found()).toEqual([]);
  quote(7, 7, { conflated: 1 });
  expect(found()).toEqual(['loss', 'loss']);
  quote(8, 8, { conflated: 2 });
  expect(found().slice(2)).toEqual(['misdeclared', 'misdeclared']);
});

test('a snapshot stands outside the sum, and shows the event that the client was at', () => {
  publish(quotes, 10);
  client.begin('market_data', 'A', { epoch: 'E', seq: 10 });
  quote(10, 10, { snapshot: true });
  publish(quotes, 3);
  quote(11);
  quote(11, 11, { snapshot: true });
  quote(13, 13, { conflated: 1 });
  expect(found()).toEqual([]);
});

test('a snapshot that is newer than what the client has, or older, is found', () => {
  publish(quotes, 10);
  client.begin('market_data', 'A', { epoch: 'E', seq: 8 });
  quote(10, 10, { snapshot: true });
  expect(found()).toEqual(['loss']);
  quote(9, 9, { snapshot: true });
  expect(found()).toEqual(['loss', 'disorder']);
});

test('a push that goes on from before the snapshot is misdeclared, one that leaves events out after it a loss', () => {
  publish(quotes, 10);
  client.begin('market_data', 'A', null);
  quote(5, 5, { snapshot: true });
  quote(7, 7, { conflated: 2 });
  expect(found()).toContain('misdeclared');
  const other = accounting.client('d');
  other.begin('market_data', 'A', null);
  other.received({ type: 'market_data', symbol: 'A', seq: 5, data: { n: 5 }, snapshot: true }, '');
  other.received({ type: 'market_data', symbol: 'A', seq: 7, data: { n: 7 } }, '');
  expect(found()).toContain('loss');
});

test('an alert as a snapshot looks like a new one', () => {
  publish(alerts, 1);
  client.begin('alerts', null, { epoch: 'E', seq: 1 });
  alert(1, 1, { snapshot: true });
  expect(found()).toEqual(['misdeclared']);
});

test('alerts that are given up while Redis has them are unhealed: by gap, by lost, by an answer to since', () => {
  publish(alerts, 6);
  accounting.keptEpoch = 'E';
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  alert(1);
  gap('E', 2, 3);
  expect(found()).toEqual(['unhealed']);
  client.disconnected();
  client.resumed('alerts', null, { epoch: 'E', seq: 3 }, { epoch: 'E', seq: 6, recovered: false });
  expect(found()).toEqual(['unhealed', 'unhealed']);
  const seedClient = accounting.client('d');
  seedClient.beginUnseen('alerts', null);
  seedClient.received({ type: 'alerts', seq: 1, data: { n: 1 } }, '');
  seedClient.received({ type: 'alerts', seq: 4, data: { n: 4 }, lost: 2 }, '');
  expect(found()).toEqual(['unhealed', 'unhealed', 'unhealed']);
});

test('alerts that Redis may have lost, that can still be had, or of an epoch that is over may be given up', () => {
  publish(alerts, 6);
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  alert(1);
  gap('E', 2, 2);
  accounting.keptEpoch = 'E';
  gap('E', 3, 3, { recoverable: true });
  accounting.keptEpoch = 'F';
  gap('E', 4, 4);
  client.resumed('alerts', null, { epoch: 'E', seq: 4 }, { epoch: 'F', seq: 1, recovered: false });
  expect(found()).toEqual([]);
});

test('what was published while the client was away is due after it resumed', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 5);
  alert(1);
  client.disconnected();
  client.ledger('alerts', null).resume({ epoch: 'E', seq: 1 }, { epoch: 'E', seq: 5 });
  expect(accounting.arrears()).toEqual([{ client: 'c', stream: 'alerts', missing: 4 }]);
  for (const seq of [2, 3, 4]) alert(seq, seq, { recovered: true });
  expect(accounting.arrears()).toHaveLength(1);
  alert(5, 5, { recovered: true });
  expect(accounting.arrears()).toEqual([]);
  expect(found()).toEqual([]);
});

test('after a change of epoch the part of the new one that can be had is had by asking for it', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 2);
  publish(alerts, 4, 1);
  alert(1);
  client.disconnected();
  const ledger = client.ledger('alerts', null);
  ledger.resume({ epoch: 'E', seq: 1 }, { epoch: 'F', seq: 3 });
  gap('E', 2, null);
  gap('F', 1, 3, { recoverable: true });
  alert(4, 6);
  expect(ledger.refill).toEqual({ epoch: 'F', seq: 0 });
  ledger.resume({ epoch: 'F', seq: 0 }, { epoch: 'F', seq: 4 });
  for (const seq of [1, 2, 3, 4]) alert(seq, seq + 2, { recovered: true });
  expect(found()).toEqual([]);
  expect(accounting.arrears()).toEqual([]);
});

test('a client that lost its connection before it knew the new epoch resumes from the last position it can name', () => {
  client.begin('alerts', null, { epoch: 'E', seq: 0 });
  publish(alerts, 2);
  publish(alerts, 1, 1);
  alert(1);
  gap('E', 2, null);
  alert(1, 3);
  const ledger = client.ledger('alerts', null);
  expect(ledger.since).toEqual({ epoch: 'E', seq: 1 });
  ledger.learn({ epoch: 'F', seq: 1 });
  expect(ledger.since).toEqual({ epoch: 'F', seq: 1 });
  expect(found()).toEqual([]);
});

test('a latest-wins stream goes on from where the answer says after a change of epoch', () => {
  publish(quotes, 5);
  client.begin('market_data', 'A', { epoch: 'E', seq: 5 });
  quote(5, 5, { snapshot: true });
  publish(quotes, 4, 1);
  client.ledger('market_data', 'A').resume({ epoch: 'E', seq: 5 }, { epoch: 'F', seq: 3 });
  receive({ type: 'gap', channel: 'market_data', key: 'A', epoch: 'E', from: 6, to: null, recoverable: false });
  quote(3, 8, { snapshot: true });
  quote(4, 9);
  expect(found()).toEqual([]);
});

test('only what follows the answer to a since is held to it, and what was published before is not due', () => {
  publish(quotes, 5);
  client.begin('market_data', 'A', { epoch: 'E', seq: 5 });
  quote(5, 5, { snapshot: true });
  publish(quotes, 4, 1);
  client.ledger('market_data', 'A').resume({ epoch: 'E', seq: 5 }, { epoch: 'F', seq: 4 });
  const over = { type: 'gap', channel: 'market_data', key: 'A', to: null, recoverable: false };
  receive({ ...over, epoch: 'E', from: 6 });
  quote(4, 9, { snapshot: true });
  expect(accounting.arrears()).toEqual([]);
  publish(quotes, 2, 1);
  receive({ ...over, epoch: 'F', from: 5 });
  quote(1, 10);
  quote(2, 11);
  expect(found()).toEqual([]);
});

test('two changes of status in one push are a change merged away', () => {
  client.begin('agent_status', 'a', { epoch: 'E', seq: 0 });
  publish(agent, 1, 1, 'idle');
  publish(agent, 2, 2, 'running');
  status(1);
  status(3, { conflated: 1 });
  expect(found()).toEqual([]);
  publish(agent, 1, 4, 'error');
  publish(agent, 1, 5, 'running');
  status(5, { conflated: 1 });
  expect(found()).toEqual(['merged']);
});

test('a client that did not opt in is told by `lost`', () => {
  client.beginUnseen('alerts', null);
  publish(alerts, 9);
  publish(alerts, 2, 1);
  alert(2);
  alert(3);
  alert(6, 6, { lost: 2 });
  expect(found()).toEqual([]);
  alert(1, 10, { lost: null });
  alert(2, 11);
  expect(found()).toEqual([]);
  publish(alerts, 4, 3);
  alert(5, 14, { lost: 1 });
  expect(found()).toEqual(['loss', 'loss']);
});

test('frames of a stream that was not subscribed to are told', () => {
  publish(alerts, 1);
  alert(1);
  expect(found()).toEqual(['frame']);
});
