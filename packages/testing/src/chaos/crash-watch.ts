import type { EdgeProcess } from '../edge-process.ts';

const LAST_LINES = 20;

/** The edge, watched from now on: it ends only when it is killed, or when it is asked to and then with status 0. */
export function watchForCrash(edge: EdgeProcess, onCrash: (detail: string, lastLines: string[]) => void): EdgeProcess {
  let asked: 'to-end' | 'killed' | null = null;
  const watch = async () => {
    const { code, signal } = await edge.exited;
    if (asked === 'killed' || (asked === 'to-end' && code === 0)) return;
    const how = asked === null ? 'by itself' : 'when it was asked to';
    onCrash(`the edge ended ${how}, with ${signal ?? `status ${code}`}`, edge.logs().slice(-LAST_LINES));
  };
  void watch();
  return {
    ...edge,
    stop() {
      asked ??= 'to-end';
      return edge.stop();
    },
    kill() {
      asked = 'killed';
      return edge.kill();
    },
  };
}
