import { CLOSE, PING, TEXT } from '@tickcast/testing';

const LONGEST_HEAD = 10;
const NONE = Buffer.alloc(0);

export interface FrameVisitor {
  /** The payload lies in `bytes` from `start` to before `end`, and is gone when this returns. */
  text(bytes: Buffer, start: number, end: number): void;
  ping(payload: Buffer): void;
  close(payload: Buffer): void;
}

/** Walks a server's frames by their headers (RFC 6455, section 5.2), however the reads cut them; copies only what a read cut. */
export class FrameWalker {
  readonly #visitor: FrameVisitor;
  #rest: Buffer = NONE;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  /** `chunk` may be a buffer that is read into again afterwards. */
  read(chunk: Buffer): void {
    let at = this.#rest.length > 0 ? this.#finishRest(chunk) : 0;
    for (let size = frameSize(chunk, at); size > 0 && at + size <= chunk.length; size = frameSize(chunk, at)) {
      this.#visit(chunk, at, at + size);
      at += size;
    }
    if (at < chunk.length) this.#rest = Buffer.from(chunk.subarray(at));
  }

  /** Adds to the frame that the last read cut what it lacks; answers how many bytes of `chunk` that took. */
  #finishRest(chunk: Buffer): number {
    const head =
      this.#rest.length < LONGEST_HEAD ? Buffer.concat([this.#rest, chunk.subarray(0, LONGEST_HEAD)]) : this.#rest;
    const size = frameSize(head, 0);
    const missing = size - this.#rest.length;
    if (size === 0 || chunk.length < missing) {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      return chunk.length;
    }
    const frame = Buffer.concat([this.#rest, chunk.subarray(0, missing)]);
    this.#rest = NONE;
    this.#visit(frame, 0, size);
    return missing;
  }

  #visit(bytes: Buffer, at: number, end: number): void {
    const start = at + headSize(bytes[at + 1] ?? 0);
    const opcode = (bytes[at] ?? 0) & 0x0f;
    if (opcode === TEXT) this.#visitor.text(bytes, start, end);
    else if (opcode === PING) this.#visitor.ping(bytes.subarray(start, end));
    else if (opcode === CLOSE) this.#visitor.close(bytes.subarray(start, end));
  }
}

/** Of the frame that begins there, with its head; 0 while its head is not whole. */
function frameSize(bytes: Buffer, at: number): number {
  if (bytes.length - at < 2) return 0;
  const length = bytes[at + 1] ?? 0;
  const head = headSize(length);
  if (bytes.length - at < head) return 0;
  if (head === 2) return head + length;
  return head + (head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2)));
}

/** A server's frames are not masked. */
function headSize(length: number): number {
  return length === 127 ? LONGEST_HEAD : length === 126 ? 4 : 2;
}
