const started = performance.now();

/** Says what has been shown, with the time since the start. */
export function say(line: string): void {
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${line.replaceAll('\n', '\n           ')}\n`);
}

/** A heading. */
export function chapter(title: string): void {
  process.stdout.write(`\n${title}\n`);
}
