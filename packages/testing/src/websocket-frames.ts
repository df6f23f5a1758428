/** Frames of RFC 6455 as they lie in a stream of bytes; those of servers and clients are whole here, never in fragments. */
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const FIN = 0x80;
const MASKED = 0x80;
const NO_MASK = Buffer.alloc(4);

/** A frame as a server sends it. */
export function serverFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([headOf(opcode, payload.length), payload]);
}

/** A frame as a client sends it: masked with zeros, which is as good as any mask (section 5.3) for one that trusts the way. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const head = headOf(opcode, payload.length);
  head[1] = (head[1] ?? 0) | MASKED;
  return Buffer.concat([head, NO_MASK, payload]);
}

function headOf(opcode: number, length: number): Buffer {
  const head = Buffer.alloc(length < 126 ? 2 : length < 1 << 16 ? 4 : 10);
  head[0] = FIN | opcode;
  if (head.length === 2) head[1] = length;
  else if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return head;
}

export function closeFrame(code: number): Buffer {
  return serverFrame(CLOSE, Buffer.from([code >> 8, code & 0xff]));
}

/** Takes the bytes of one direction of a connection cut anywhere, its HTTP head first, and calls back for what is whole. */
export function createFrameReader(
  onHead: (head: string) => void,
  onFrame: (opcode: number, payload: Buffer) => void,
): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let hasHead = false;
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    if (!hasHead) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) return;
      hasHead = true;
      onHead(rest.subarray(0, end).toString('latin1'));
      rest = rest.subarray(end + 4);
    }
    rest = readFrames(rest, onFrame);
  };
}

/** Calls back for every whole frame, whose payload is a part of `bytes` where it is not masked, and answers what is left. */
export function readFrames(bytes: Buffer, onFrame: (opcode: number, payload: Buffer) => void): Buffer {
  let rest = bytes;
  for (let frame = firstFrame(rest); frame; frame = firstFrame(rest)) {
    rest = frame.rest;
    onFrame(frame.opcode, frame.payload);
  }
  return rest;
}

function firstFrame(bytes: Buffer): { opcode: number; payload: Buffer; rest: Buffer } | null {
  if (bytes.length < 2) return null;
  const short = bytes.readUInt8(1) & 0x7f;
  const sizeBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const isMasked = (bytes.readUInt8(1) & MASKED) !== 0;
  const start = 2 + sizeBytes + (isMasked ? 4 : 0);
  if (bytes.length < start) return null;
  const length = sizeBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : sizeBytes === 2 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < start + length) return null;
  const masked = bytes.subarray(start, start + length);
  const payload = isMasked ? Buffer.from(masked) : masked;
  if (isMasked) {
    for (let i = 0; i < length; i++) payload[i] = payload.readUInt8(i) ^ bytes.readUInt8(start - 4 + (i % 4));
  }
  return { opcode: bytes.readUInt8(0) & 0x0f, payload, rest: bytes.subarray(start + length) };
}
