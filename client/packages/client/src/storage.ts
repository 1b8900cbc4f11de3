// Where the outbox and the drafts are kept.

/** Keeps values by key. What is set is there after a reload, where the storage is a lasting one. */
export interface ChatStorage {
  /** The same for all pages that share what is kept; undefined where nothing is shared. */
  readonly name?: string;
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  clear(): Promise<void>;
  /** The values whose keys begin with `prefix`, in the order of their keys. */
  list(prefix: string): Promise<unknown[]>;
}

/** Keeps everything in memory: gone with the page or the process. */
export function memory(): ChatStorage {
  const kept = new Map<string, unknown>();
  return {
    get: (key) => Promise.resolve(kept.get(key)),
    set: (key, value) => {
      kept.set(key, structuredClone(value));
      return Promise.resolve();
    },
    delete: (key) => {
      kept.delete(key);
      return Promise.resolve();
    },
    clear: () => {
      kept.clear();
      return Promise.resolve();
    },
    list: (prefix) =>
      Promise.resolve(
        [...kept]
          .filter(([key]) => key.startsWith(prefix))
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([, value]) => value),
      ),
  };
}

const STORE = "kept";

/**
 * Keeps everything in the browser's IndexedDB, for all pages of this origin that give the same name.
 *
 * Where there is no IndexedDB, or it does not open (some private windows), memory stands in for it.
 */
export function indexedDb(name = "chatserver"): ChatStorage {
  let opened: Promise<IDBDatabase> | undefined;
  const instead = memory();

  function open(): Promise<IDBDatabase> {
    opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE);
      };
      request.onsuccess = () => {
        // Closed by the browser, or for a newer version: opened again when it is next asked for.
        request.result.onclose = request.result.onversionchange = () => {
          request.result.close();
          opened = undefined;
        };
        resolve(request.result);
      };
      request.onerror = () => {
        reject(request.error ?? new Error("IndexedDB does not open"));
      };
    });
    return opened;
  }

  async function within<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
    otherwise: () => Promise<unknown>,
  ): Promise<unknown> {
    let database: IDBDatabase;
    try {
      database = await open();
    } catch {
      return otherwise();
    }
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        resolve(request.result);
      };
      transaction.onabort = transaction.onerror = () => {
        reject(transaction.error ?? new Error("IndexedDB did not keep it"));
      };
    });
  }

  return {
    name,
    get: (key) =>
      within(
        "readonly",
        (store) => store.get(key),
        () => instead.get(key),
      ),
    set: async (key, value) => {
      await within(
        "readwrite",
        (store) => store.put(value, key),
        () => instead.set(key, value),
      );
    },
    delete: async (key) => {
      await within(
        "readwrite",
        (store) => store.delete(key),
        () => instead.delete(key),
      );
    },
    clear: async () => {
      await within(
        "readwrite",
        (store) => store.clear(),
        () => instead.clear(),
      );
    },
    list: async (prefix) => {
      const range = () => IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const found = await within(
        "readonly",
        (store) => store.getAll(range()),
        () => instead.list(prefix),
      );
      return found as unknown[];
    },
  };
}
