import { type KubeObject, type Overlay, isNamed, overlayNamed } from './objects.ts';

/** A deliberate mistake: in this object, this field is set to this, or REMOVED; no field: the object itself. */
export type Mistake = readonly [object: string, field: string, value: unknown, overlay?: string];

export const REMOVED = Symbol('removed');

/** Where most mistakes are tried. */
const USUAL_OVERLAY = 'production';

export function overlayOf([, , , name = USUAL_OVERLAY]: Mistake, overlays: readonly Overlay[]): Overlay {
  return overlayNamed(overlays, name);
}

export function describeMistake([object, field, value]: Mistake): string {
  const what = field === '' ? object : `${object} ${field}`;
  return value === REMOVED ? `${what} removed` : `${what} = ${JSON.stringify(value)}`;
}

/** The overlay with one mistake in it; the one given stays as it is. @throws Error when there is no such object */
export function withMistake(overlay: Overlay, [name, field, value]: Mistake): Overlay {
  const objects = structuredClone(overlay.objects);
  const index = objects.findIndex((object) => isNamed(object, name));
  const object = objects[index];
  if (object === undefined) throw new Error(`${overlay.name} has no ${name}`);
  if (field === '') objects.splice(index, 1, ...(value === REMOVED ? [] : [value as KubeObject]));
  else setField(object, field.split('.'), value);
  return { ...overlay, objects };
}

function setField(target: object, [key = '', ...rest]: string[], value: unknown): void {
  if (rest.length > 0) {
    const child: unknown = Reflect.get(target, key);
    if (typeof child !== 'object' || child === null) Reflect.set(target, key, {});
    setField(Reflect.get(target, key) as object, rest, value);
  } else if (value !== REMOVED) {
    Reflect.set(target, key, value);
  } else if (!Reflect.has(target, key)) {
    throw new Error(`there is no ${key} to remove`);
  } else if (Array.isArray(target)) {
    target.splice(Number(key), 1);
  } else {
    Reflect.deleteProperty(target, key);
  }
}
