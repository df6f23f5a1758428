import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Since } from '@tickcast/client';
import { CommandError } from '../failures.ts';
import { createLineOutput, type LineOutput } from '../line-output.ts';
import { readRecording } from './file.ts';

const LINE_FEED = 0x0a;

/** Where a recording goes: a file, or stdout. */
export interface RecordingOutput {
  /** The last alert that an earlier recording has, to go on after it. */
  readonly since: Since | undefined;
  /**
   * Makes or opens the file.
   *
   * @param onBroken called when it can't be written any more
   * @throws CommandError
   */
  open(onBroken: (error: NodeJS.ErrnoException) => void): Promise<void>;
  /** Waits until it is open, and until there is room for more. */
  write(line: string): Promise<void>;
  end(): Promise<void>;
}

/**
 * Looks at what there is, and changes nothing yet.
 *
 * @param path `-` for stdout
 * @throws CommandError when there is a file that is not to be appended to, or that is no whole recording
 */
export async function prepareOutput(path: string, { append }: { append: boolean }): Promise<RecordingOutput> {
  const size = path === '-' ? 0 : await sizeOf(path);
  if (size !== null && path !== '-' && !append) {
    throw new CommandError(`${path} is there already: go on at its end with --append, or choose another name`);
  }
  const since = size === null || size === 0 ? undefined : await lastAlert(path);
  let setOutput: (output: LineOutput) => void = () => undefined;
  const opened = new Promise<LineOutput>((resolve) => (setOutput = resolve));

  return {
    since,
    async open(onBroken) {
      const output = createLineOutput(path === '-' ? process.stdout : await openFile(path, append), onBroken);
      setOutput(output);
    },
    write: async (line) => (await opened).write(line),
    end: async () => (await opened).end(),
  };
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new CommandError(`${path} can't be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Reads all of it: a recording that ends in the middle of a line, as after a crash, is told of. */
async function lastAlert(path: string): Promise<Since | undefined> {
  let since: Since | undefined;
  for await (const { event } of readRecording(path)) {
    if (event?.stream.channel !== 'alerts' || event.epoch === null || event.seq === null) continue;
    since = { epoch: event.epoch, seq: event.seq };
  }
  return since;
}

async function openFile(path: string, append: boolean): Promise<Writable> {
  let handle: FileHandle;
  let isMidLine = false;
  try {
    // `wx` fails when somebody has made the file meanwhile.
    handle = await open(path, append ? 'a+' : 'wx');
    isMidLine = append && (await endsMidLine(handle));
  } catch (error) {
    throw new CommandError(`${path} can't be written: ${(error as Error).message}`, { cause: error });
  }
  const stream = handle.createWriteStream();
  if (isMidLine) stream.write('\n');
  return stream;
}

/** Whole as the last line is, its end may be missing. */
async function endsMidLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== LINE_FEED;
}
