const OPEN_BRACE = 0x7b;

/** The server's fields of a push; SPEC 3. */
export interface PushFields {
  seq?: number;
  /** Redis time as the Function wrote it: digits of a float, never re-encoded. */
  publishedAt?: string;
  snapshot?: true;
  /** Sent because of `since`. */
  recovered?: boolean;
  conflated?: number;
  /** null: the number can't be known. */
  lost?: number | null;
}

/** The publisher's bytes with the server's fields put in front; the bytes themselves are not looked at. */
export function pushFrame(frame: Buffer, fields: PushFields): Buffer {
  let head = '{';
  if (fields.seq !== undefined) head += `"seq":${fields.seq},"published_at":${fields.publishedAt},`;
  if (fields.snapshot) head += '"snapshot":true,';
  if (fields.recovered) head += '"recovered":true,';
  if (fields.conflated) head += `"conflated":${fields.conflated},`;
  if (fields.lost !== undefined) head += `"lost":${fields.lost},`;
  const body = frame.indexOf(OPEN_BRACE) + 1;
  const push = Buffer.allocUnsafe(head.length + frame.length - body);
  push.write(head, 0, 'latin1');
  frame.copy(push, head.length, body);
  return push;
}
