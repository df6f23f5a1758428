import { styleText } from 'node:util';

/** Tells people what happens, on stderr: stdout is for what was asked for. */
export function note(text: string): void {
  console.error(styleText('dim', text, { stream: process.stderr }));
}
