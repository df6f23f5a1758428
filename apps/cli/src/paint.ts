import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours a text of stdout, or leaves it. */
export type Paint = (style: Style, text: string) => string;

/** @param when `auto` leaves it to the terminal, NO_COLOR and FORCE_COLOR */
export function createPaint(when: string): Paint {
  if (when === 'never') return (_style, text) => text;
  const options = when === 'always' ? { validateStream: false } : { stream: process.stdout };
  return (style, text) => styleText(style, text, options);
}
