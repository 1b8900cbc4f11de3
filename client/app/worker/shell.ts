// The app's own files, kept so that it opens without a link: all that one build is made of, and nothing that people said.

/** What the build is made of; Vite puts it here. `entry` is the script that its page loads. */
declare const SHELL: {
  readonly version: string;
  readonly entry: string;
  readonly files: readonly string[];
};
declare const self: ServiceWorkerGlobalScope;

const PREFIX = "shell-";
const CACHE = PREFIX + SHELL.version;
const PAGE = "/";
/** How long the network may take for the page, in ms. What is kept is as good for whoever waits longer. */
const PATIENCE = 4_000;

/** Keeps all files of this build. */
export async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  const page = await fetch(new Request(PAGE, { cache: "reload" }));
  // Another build is served meanwhile, whose page needs other files. It has a worker of its own.
  if (!page.ok || !(await page.clone().text()).includes(SHELL.entry))
    throw new Error("the page is another build's");
  await cache.addAll(SHELL.files);
  await cache.put(PAGE, page);
}

/** Deletes what other builds have kept. */
export async function dropOtherShells(): Promise<void> {
  const names = await caches.keys();
  const others = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(others.map((name) => caches.delete(name)));
}

/** Answers for the app's page and files; undefined for all else, which is none of the worker's. */
export function answer(event: FetchEvent): Promise<Response> | undefined {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== self.location.origin) return undefined;
  if (mode === "navigate" && pathname === PAGE) return page(event);
  return pathname.startsWith("/assets/") ? asset(event.request) : undefined;
}

/** The page as it is now; as it was kept where the network does not have it. */
async function page(event: FetchEvent): Promise<Response> {
  const fresh = (async () => {
    const preloaded = (await event.preloadResponse) as Response | undefined;
    return preloaded ?? fetch(event.request);
  })();
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE));
  const answered = await Promise.race([fresh, late]).catch(() => undefined);
  if (answered && answered.status < 500) return answered;
  return (await kept(PAGE)) ?? fresh;
}

/** A file as it was kept: the hash in its name is that of what is in it. */
async function asset(request: Request): Promise<Response> {
  const known = await kept(request);
  if (known) return known;
  const answered = await fetch(request);
  if (answered.ok) {
    const cache = await caches.open(CACHE);
    await cache.put(request, answered.clone()).catch(() => undefined);
  }
  return answered;
}

async function kept(request: Request | string): Promise<Response | undefined> {
  const cache = await caches.open(CACHE);
  // It varies by nothing that a page could ask for.
  return cache.match(request, { ignoreVary: true });
}
