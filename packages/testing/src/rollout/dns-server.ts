import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A name server of one name, as a container network has it: the answer is whatever runs at the moment. */
export interface DnsServer {
  /** UDP, on 127.0.0.1. */
  readonly port: number;
  /** IPv4 addresses, at most 20; without any the name does not exist. */
  setAddresses(addresses: readonly string[]): void;
  close(): void;
}

const HEADER_BYTES = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
/** RFC 1035, section 4.1.1: a response, authoritative, recursion available. */
const RESPONSE = 0x8480;
const RECURSION_DESIRED = 0x0100;
const NAME_ERROR = 3;
/** RFC 1035, section 4.1.4: the name that stands at the begin of the question. */
const QUESTION_NAME = 0xc000 | HEADER_BYTES;

export async function startDnsServer(name: string): Promise<DnsServer> {
  const socket: Socket = createSocket('udp4');
  const wanted = wireName(name);
  let addresses: readonly string[] = [];
  socket.on('message', (query, { address, port }) => {
    const reply = answer(query, wanted, addresses);
    if (reply) socket.send(reply, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  // It keeps no process alive that forgets it.
  socket.unref();
  return {
    port: (socket.address() as AddressInfo).port,
    setAddresses(now) {
      addresses = now;
    },
    close: () => socket.close(),
  };
}

/** Null for what is no query with one question. */
function answer(query: Buffer, wanted: Buffer, addresses: readonly string[]): Buffer | null {
  if (query.length < HEADER_BYTES || query.readUInt16BE(4) !== 1) return null;
  const nameEnd = query.indexOf(0, HEADER_BYTES) + 1;
  const end = nameEnd + 4;
  if (nameEnd === 0 || query.length < end) return null;
  // Upper and lower case are the same in it (RFC 1035, section 2.3.3).
  const exists = addresses.length > 0 && lowerCase(query.subarray(HEADER_BYTES, nameEnd)).equals(wanted);
  // A name that exists has no records of other types, which is not an error.
  const records = exists && query.readUInt16BE(nameEnd) === TYPE_A ? addresses.map(recordOf) : [];
  const head = Buffer.from(query.subarray(0, HEADER_BYTES));
  head.writeUInt16BE(RESPONSE | (head.readUInt16BE(2) & RECURSION_DESIRED) | (exists ? 0 : NAME_ERROR), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, query.subarray(HEADER_BYTES, end), ...records]);
}

/** It lives for 0 s: nothing may be kept. */
function recordOf(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(QUESTION_NAME, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt16BE(4, 10);
  record.set(address.split('.').map(Number), 12);
  return record;
}

function wireName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return lowerCase(Buffer.concat([...labels, Buffer.of(0)]));
}

function lowerCase(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').toLowerCase(), 'latin1');
}
