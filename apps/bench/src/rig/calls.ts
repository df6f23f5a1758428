import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '@tickcast/testing';

/** What a child can be asked, by name. */
export type Calls = Record<string, (argument: never) => unknown>;

interface Question {
  id: number;
  name: string;
  argument: unknown;
}

interface Answer {
  id: number;
  value?: unknown;
  error?: string;
}

/** A program of the benchmark in a process of its own, asked over IPC. */
export class Child<C extends Calls> {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#process = child;
    child.on('message', (answer: Answer) => this.#settle(answer));
    child.once('exit', (code, signal) => this.#fail(`${name} ended (${signal ?? code}) before it answered`));
  }

  /** `name` is that of a built file beside main.js. */
  static async start<C extends Calls>(name: string): Promise<Child<C>> {
    const file = fileURLToPath(new URL(`../${name}.js`, import.meta.url));
    const child = fork(file, [], { env: cleanEnvironment(), serialization: 'advanced' });
    await once(child, 'spawn');
    return new Child<C>(name, child);
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  /** @throws what the child threw, or that it ended */
  call<N extends keyof C & string>(name: N, ...[argument]: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>> {
    return new Promise<unknown>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, argument } satisfies Question, (error) => {
        if (error) this.#fail(`${this.#name} can't be asked: ${error.message}`);
      });
    }) as Promise<Awaited<ReturnType<C[N]>>>;
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  #settle({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}

/** Answers the parent's calls from now on; the process ends with its parent. */
export function answerCalls(calls: Calls): void {
  process.once('disconnect', () => process.exit());
  process.on('message', (question: Question) => {
    void replyTo(calls, question).then((reply) => process.send?.(reply));
  });
}

async function replyTo(calls: Calls, { id, name, argument }: Question): Promise<Answer> {
  try {
    return { id, value: await calls[name]?.(argument as never) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
