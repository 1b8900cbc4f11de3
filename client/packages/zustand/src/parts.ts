// A record of many values in parts: to change one value copies the part that it is in, and not all of them.

type Part<Value> = Record<string, Value>;

const COUNT = 256;
const none: Part<never> = Object.freeze({});

/** Which part a key is in: by its end, since ids of one moment begin alike. */
function placeOf(key: string): number {
  const { length } = key;
  let place = 0;
  for (let at = Math.max(0, length - 4); at < length; at += 1) {
    place = (place * 33 + key.charCodeAt(at)) % COUNT;
  }
  return place;
}

/** What a record of parts does for whoever uses it as any other record. */
class Parts<Value> implements ProxyHandler<Part<Value>> {
  readonly #own = new Set<number>();

  constructor(readonly parts: Part<Value>[]) {}

  get(_: unknown, key: string | symbol): Value | undefined {
    return typeof key === "string" ? this.#of(key)[key] : undefined;
  }

  has(_: unknown, key: string | symbol): boolean {
    return typeof key === "string" && Object.hasOwn(this.#of(key), key);
  }

  ownKeys(): string[] {
    return this.parts.flatMap((part) => Object.keys(part));
  }

  getOwnPropertyDescriptor(_: unknown, key: string | symbol): PropertyDescriptor | undefined {
    return typeof key === "string"
      ? Object.getOwnPropertyDescriptor(this.#of(key), key)
      : undefined;
  }

  set(_: unknown, key: string | symbol, value: Value): boolean {
    if (typeof key !== "string") return false;
    this.#writable(key)[key] = value;
    return true;
  }

  deleteProperty(_: unknown, key: string | symbol): boolean {
    if (typeof key === "string" && key in this.#of(key)) delete this.#writable(key)[key];
    return true;
  }

  #of(key: string): Part<Value> {
    return this.parts[placeOf(key)] ?? none;
  }

  #writable(key: string): Part<Value> {
    const place = placeOf(key);
    const part = this.parts[place] ?? none;
    if (this.#own.has(place)) return part;
    this.#own.add(place);
    return (this.parts[place] = { ...part });
  }
}

const handlers = new WeakMap<object, Parts<unknown>>();

/** A copy of a record that may be written to. Of one that this made, only the parts that are changed are copied. */
export function inParts<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  const known = handlers.get(record) as Parts<Value> | undefined;
  const handler = new Parts<Value>(known ? [...known.parts] : Array<Part<Value>>(COUNT).fill(none));
  const copy = new Proxy<Part<Value>>({}, handler);
  handlers.set(copy, handler);
  if (!known) Object.assign(copy, record);
  return copy;
}
