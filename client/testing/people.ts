// People of the server under test, each known to one test alone. tests/client/ of the server's tests says where it is.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

export interface Somebody {
  id: string;
  token: string;
}

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: pytest runs these tests`);
  return value;
}

/** The address of the server under test. */
export function serverUrl(): string {
  return given("CHAT_URL");
}

/** A token of somebody, for so many seconds. */
export function tokenOf(id: string, seconds = 3600): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: id, exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  const key = Buffer.from(given("CHAT_SECRET"), "base64");
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** So many people whom no other test knows. */
export function people(count: 2): [Somebody, Somebody];
export function people(count: 3): [Somebody, Somebody, Somebody];
export function people(count: number): Somebody[] {
  const all = JSON.parse(given("CHAT_PEOPLE")) as string[];
  const found: Somebody[] = [];
  for (const id of all) {
    if (found.length === count) return found;
    if (claim(id)) found.push({ id, token: tokenOf(id) });
  }
  if (found.length < count) throw new Error("tests/client/ makes too few people");
  return found;
}

/** Whether they are ours from now on, in whichever process this runs. */
function claim(id: string): boolean {
  try {
    closeSync(openSync(join(given("CHAT_CLAIMS"), id), "wx"));
    return true;
  } catch {
    return false;
  }
}

/** A server on another database, in which there are the same people: two. */
export function elsewhere(): { url: string; people: [Somebody, Somebody] } {
  const { url, people: ids } = JSON.parse(given("CHAT_ELSEWHERE")) as {
    url: string;
    people: [string, string];
  };
  const somebody = (id: string): Somebody => ({ id, token: tokenOf(id) });
  return { url, people: [somebody(ids[0]), somebody(ids[1])] };
}

/** Another process of the server under test. Files that have the word "slow" are scanned until `free` is called. */
export function scanningServer(): { url: string; free: () => Promise<void> } {
  const { url, control } = JSON.parse(given("CHAT_SCANNED")) as { url: string; control: number };
  return { url, free: () => called(control) };
}

/** Another process of the server under test. `drain` stops it: what ends the sessions of those who are there. */
export function drainedServer(): { url: string; drain: () => Promise<void> } {
  const { url, control } = JSON.parse(given("CHAT_DRAINED")) as { url: string; control: number };
  return { url, drain: () => called(control) };
}

/** Connects to a port, and ends when what that stands for is done. */
async function called(port: number): Promise<void> {
  await once(connect(port, "127.0.0.1").resume(), "end");
}
