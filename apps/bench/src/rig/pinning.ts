import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** The server has a core for itself; generator, publisher, Redis and the benchmark share the others. */
export type Place = 'server' | 'others';

/** V8's name for it, in Linux's 15 characters. */
const PROFILER_THREAD = 'v8:ProfEvnt';

const STATUS = '/proc/self/status';

/** Read before anything is pinned: the cores that this process was given, which in a container need not begin with 0. */
const cores = existsSync(STATUS)
  ? coresIn(/^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(STATUS, 'latin1'))?.[1] ?? '0')
  : [0];
const PLACES: Record<Place, string> = { server: String(cores[0]), others: cores.slice(1).join(',') };

export const coreCount: number = cores.length;

/** Whether generator, publisher and Redis have one core between them. */
export const othersShareACore: boolean = coreCount <= 2;

/** False where one core is all there is, or the system has no taskset: then nothing is pinned, and the result says so. */
export const canPin: boolean = coreCount > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Keeps a process, with its threads of now and later, on its cores. */
export function pin(pid: number, place: Place): void {
  taskset('-apc', pid, place);
}

/**
 * Keeps the thread that takes a process's samples away from the core of that process: there it mostly gets its turn when the
 * program rests, and sees it at work a tenth as often as it is.
 */
export function pinProfilerOf(pid: number): void {
  const tasks = `/proc/${pid}/task`;
  for (const thread of existsSync(tasks) ? readdirSync(tasks) : []) {
    if (readFileSync(`${tasks}/${thread}/comm`, 'utf8').startsWith(PROFILER_THREAD))
      taskset('-pc', Number(thread), 'others');
  }
}

function taskset(options: string, id: number, place: Place): void {
  if (!canPin) return;
  const { status, stderr } = spawnSync('taskset', [options, PLACES[place], String(id)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset could not pin process ${id} to ${PLACES[place]}: ${stderr.trim()}`);
}

/** `0-2,5` → 0, 1, 2, 5. */
export function coresIn(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
