/**
 * Finds the fields of an object that its validator does not know.
 *
 * The validators of kubernetes-models let unknown fields pass, as the schemas of Kubernetes do, and being compiled they can't
 * be told otherwise. But each asks its object for every field it knows, there or not. So what it never asked for is unknown to it; only an object
 * of which it asked nothing is free in form.
 */
export function watchReads(root: object): { watched: object; unread: () => string[] } {
  const visited: { path: string; object: object; read: Set<string> }[] = [];

  function watch(object: object, path: string): object {
    const read = new Set<string>();
    const children = new Map<string, object>();
    if (!Array.isArray(object)) visited.push({ path, object, read });
    return new Proxy(object, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        // Symbols and methods are the model's own, and no fields.
        if (typeof key === 'symbol' || typeof value === 'function') return value;
        read.add(key);
        if (typeof value !== 'object' || value === null) return value;
        const child = children.get(key) ?? watch(value, `${path}/${key}`);
        children.set(key, child);
        return child;
      },
    });
  }

  return {
    watched: watch(root, ''),
    unread: () =>
      visited
        .filter(({ read }) => read.size > 0)
        .flatMap(({ path, object, read }) =>
          Object.keys(object)
            .filter((key) => !read.has(key))
            .map((key) => `${path}/${key}`),
        ),
  };
}
