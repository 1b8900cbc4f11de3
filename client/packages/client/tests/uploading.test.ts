import { expect, test } from "vitest";

import { ChatError } from "@chatserver/client";

import { connected, direct, network, until } from "../../../testing/chats.js";
import { people } from "../../../testing/people.js";

const bytes = (text: string, name = "notes.txt") => new File([text], name, { type: "text/plain" });

test("A file is uploaded, told of as it goes, and sent by what the upload gave.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  const told: number[] = [];
  const file = await a.upload({
    conversationId,
    file: bytes("At nine"),
    onProgress: (sent, size) => told.push(sent / size),
  });
  expect([file.name, file.size, file.state]).toEqual(["notes.txt", 7, "ready"]);
  expect(told.at(-1)).toBe(1);
  const message = await a.send({ conversationId, files: [file] }).sent;
  expect([message.content, message.message_type]).toEqual([null, "file"]);
  expect(message.files).toEqual([file]);
});

test("An upload goes on when a lost link is back, and one file comes of it.", async () => {
  const [alice, bob] = people(2);
  const net = await network();
  const a = await connected(alice, { url: net.url });
  const conversationId = await direct(a, bob);
  net.block(true);
  const uploaded = a.upload({ conversationId, file: bytes("Later") });
  await until(a, "status", () => a.status === "waiting", "a lost link");
  net.block(false);
  a.wake();
  const file = await uploaded;
  const message = await a.send({ conversationId, content: "Here", files: [file] }).sent;
  expect(message.files.map(({ id }) => id)).toEqual([file.id]);
});

test("What is refused says why, and what is given up rejects with the reason and leaves nothing.", async () => {
  const [alice, bob] = people(2);
  const a = await connected(alice);
  const conversationId = await direct(a, bob);
  const huge = {
    size: a.session!.limits.maxFileSize + 1,
    type: "",
    name: "huge",
  } as unknown as File;
  const refused = await a.upload({ conversationId, file: huge }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ChatError);
  expect((refused as ChatError).code).toBe("PAYLOAD_TOO_LARGE");

  const own = new AbortController();
  const reason = new Error("no longer wanted");
  const asked: string[] = [];
  const given = a.upload({
    conversationId,
    file: bytes("Given up"),
    signal: own.signal,
    onProgress: (sent) => {
      asked.push(`${sent}`);
      own.abort(reason);
    },
  });
  await expect(given).rejects.toBe(reason);
  expect(asked).toEqual(["8"]);
});
