/** Timers are some milliseconds late; so much is made up for. */
const TOLERANCE_SECONDS = 0.05;

/** When the events of a recording are due. */
export interface Pace {
  /** Seconds to wait before what was received at `receivedAt` (Unix seconds) is published. */
  wait(receivedAt: number): number;
  /** Seconds that the replay is behind the recording, altogether. */
  readonly late: number;
}

/**
 * Keeps the distances of a recording. What comes late puts off all that follows: nothing is sent faster than it was received,
 * to catch up.
 *
 * @param speed divides the distances; Infinity leaves none
 * @param now seconds of a clock that only goes forward
 */
export function createPace(speed: number, now: () => number): Pace {
  let first: number | null = null;
  let startedAt = 0;
  let dueBefore = 0;
  let late = 0;

  return {
    get late() {
      return late;
    },
    wait(receivedAt) {
      if (first === null) {
        first = receivedAt;
        startedAt = now();
      }
      if (speed === Number.POSITIVE_INFINITY) return 0;
      // A clock that was set back while it was recorded makes no order.
      dueBefore = Math.max(dueBefore, (receivedAt - first) / speed);
      const wait = startedAt + dueBefore + late - now();
      if (wait < -TOLERANCE_SECONDS) late -= wait;
      return Math.max(0, wait);
    },
  };
}
