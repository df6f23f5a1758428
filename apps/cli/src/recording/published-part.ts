import { SERVER_FIELDS } from '@tickcast/protocol';
import { membersOf } from './json-members.ts';

const ADDED: ReadonlySet<string> = new Set(SERVER_FIELDS);

/** The publisher's frame in one that a client got: the same characters from the first field that is not the server's. */
export function publishedPart(frame: string): string {
  const members = membersOf(frame);
  const first = members.findIndex(({ name }) => !ADDED.has(name));
  const before = members[first - 1];
  // `to` is the place of the comma.
  return before === undefined ? frame : `{${frame.slice(before.to + 1)}`;
}
