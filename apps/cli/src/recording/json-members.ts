/** A member of an object in its JSON text. */
export interface Member {
  name: string;
  /** Where its value begins and ends in the text. */
  from: number;
  to: number;
}

/**
 * The members of the object that a JSON text is, in their order, with the places of their values: what is cut out by them
 * keeps its digits, which parsing and writing again would not (352.0 becomes 352).
 *
 * @param json known to be an object that can be parsed
 */
export function membersOf(json: string): Member[] {
  const members: Member[] = [];
  let depth = 0;
  let nameFrom = -1;
  let member: Member | null = null;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') {
      const from = at;
      at = endOfText(json, at);
      if (depth === 1 && member === null) nameFrom = from;
      continue;
    }
    if (character === ':' && depth === 1 && member === null) {
      const name = JSON.parse(json.slice(nameFrom, json.lastIndexOf('"', at) + 1)) as string;
      member = { name, from: at + 1, to: at + 1 };
    } else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    const isOver = (character === ',' && depth === 1) || (character === '}' && depth === 0);
    if (!isOver || member === null) continue;
    members.push({ ...member, to: at });
    member = null;
  }
  return members;
}

/** Where the text that begins at `from` has its closing quote. */
function endOfText(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at;
}
