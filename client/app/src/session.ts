// Who is signed in on this page. The token is kept for the tab alone, so that two tabs may be two people.

import { createChat, indexedDb } from "@chatserver/client";
import { createChatStore, type ChatStore } from "@chatserver/zustand";
import { create } from "zustand";

import { endPush } from "./lib/push.js";

const KEY = "chatserver.session";
/** How long a reload waits for the device, in ms. */
const PATIENCE = 1_000;

/** A person of the demo by name, or whomever a token is of. */
interface Session {
  readonly demo: string | null;
  readonly token: string;
}

interface Signing {
  readonly session: Session | null;
  readonly store: ChatStore | null;
  /** Why nobody is signed in, where something went wrong. */
  readonly problem: string | null;
  /** It was a token that somebody has just given that was to sign in, or one is needed. */
  readonly isByToken: boolean;
}

export const useSession = create<Signing>()(() => ({
  session: null,
  store: null,
  problem: null,
  isByToken: false,
}));

/** The people of the demo. */
export const DEMO = ["alice", "bob", "carol", "dave"] as const;

class NoDemo extends Error {}

async function demoToken(user: string): Promise<string> {
  const answer = await fetch("/demo/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (answer.status === 404) throw new NoDemo();
  if (!answer.ok) throw new Error(`The server answered ${answer.status}`);
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Whose token it is, as far as a page can tell. */
function subjectOf(token: string): string | undefined {
  try {
    const part = token.split(".")[1] ?? "";
    const { sub } = JSON.parse(atob(part.replace(/-/gu, "+").replace(/_/gu, "/"))) as {
      sub?: unknown;
    };
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

function begin(session: Session): void {
  let { token } = session;
  const keptFor = subjectOf(token);
  const chat = createChat({
    url: location.origin,
    storage: indexedDb(`chatserver:${keptFor ?? "somebody"}`),
    token: async ({ refused }) => {
      if (!refused) return token;
      if (session.demo === null) return null;
      token = await demoToken(session.demo);
      keep({ ...session, token });
      return token;
    },
  });
  keep(session);
  const store = createChatStore(chat, keptFor === undefined ? {} : { keptFor });
  useSession.setState({ session, store, problem: null, isByToken: false });
}

function keep(session: Session | null): void {
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Then a reload signs out.
  }
}

/** Goes on with whoever was signed in before the page was loaded anew. */
export function resume(): void {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Partial<Session> | null;
    if (typeof kept?.token === "string") begin({ demo: kept.demo ?? null, token: kept.token });
  } catch {
    keep(null);
  }
}

/** Signs somebody of the demo in. */
export async function signInAs(user: string): Promise<void> {
  try {
    begin({ demo: user, token: await demoToken(user) });
  } catch (error) {
    const isByToken = error instanceof NoDemo;
    useSession.setState({
      isByToken,
      problem: isByToken
        ? "This server runs without its demo: sign in with a token of your application."
        : "The server cannot be reached. Is it running?",
    });
  }
}

export function signInWith(token: string): void {
  begin({ demo: null, token });
  useSession.setState({ isByToken: true });
}

/** Loads the page anew, from the server alone: what was kept of what was shown may be what it breaks on. */
export async function reload(): Promise<void> {
  const kept = useSession.getState().store?.forgetShown();
  await Promise.race([kept, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  location.reload();
}

/**
 * Signs out: by the person's own wish, which deletes what is kept of them here, or because the server wants a token that
 * this page does not have.
 */
export function signOut(problem: string | null = null): void {
  const { session, store } = useSession.getState();
  const isWished = problem === null;
  store?.destroy();
  if (isWished) void store?.chat.forget().catch(() => undefined);
  void endPush(isWished && session ? session.token : null).catch(() => undefined);
  keep(null);
  history.replaceState(null, "", location.pathname);
  useSession.setState({ session: null, store: null, problem });
}
