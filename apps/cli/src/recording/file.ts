import { createReadStream } from 'node:fs';
import { CommandError } from '../failures.ts';
import { readLine, type RecordedEvent } from './line.ts';

const LINE_FEED = 0x0a;
/** A frame of 64 KiB with what the server and the recording put around it. More is no line of a recording. */
const LONGEST_LINE = 1024 * 1024;

// What is no UTF-8 is no JSON either; it must not be mended on the way.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A line of a recording with its number, the first being 1. */
export interface Entry {
  number: number;
  /** null: a gap. */
  event: RecordedEvent | null;
}

/**
 * Reads a recording from its beginning, a piece at a time: it may be larger than the memory.
 *
 * @throws CommandError when it can't be read, with the number of the line that is wrong
 */
export async function* readRecording(path: string): AsyncGenerator<Entry> {
  let number = 0;
  for await (const line of readLines(path)) {
    number += 1;
    try {
      yield { number, event: readLine(utf8.decode(line)) };
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new CommandError(`${path}, line ${number}: ${(error as Error).message}; mend the line or take it out`);
    }
  }
}

/** Not by `node:readline`: it takes U+2028 for the end of a line, which JSON has in texts. */
async function* readLines(path: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
        yield Buffer.concat([rest, chunk.subarray(from, end)]);
        rest = Buffer.alloc(0);
        from = end + 1;
      }
      rest = Buffer.concat([rest, chunk.subarray(from)]);
      if (rest.length > LONGEST_LINE) break;
    }
  } catch (error) {
    throw new CommandError(`${path} can't be read: ${(error as Error).message}`, { cause: error });
  }
  if (rest.length > 0) yield rest;
}
