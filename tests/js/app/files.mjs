// Files and voice messages; run by tests/client/app/test_files.py.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { ask, becomes, enter, field, given, message, open, say } from "./support.mjs";

const { people } = given;
const { conversation } = await ask("alice", "chat:conversation_open", { recipientId: people.bob });

/** A picture of one colour, made by the page itself: PNG bytes in base64. */
const picture = (page, width, height, colour = "#0b6b5d") =>
  page.evaluate(
    ([width, height, colour]) => {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      context.fillStyle = colour;
      context.fillRect(0, 0, width, height);
      return canvas.toDataURL("image/png").split(",")[1];
    },
    [width, height, colour],
  );

const asFile = (name, mimeType, base64) => ({ name, mimeType, buffer: Buffer.from(base64, "base64") });

/** Chooses files by the "Attach" button. */
async function attach(page, ...files) {
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Attach" }).click();
  await (await chosen).setFiles(files);
}

const tray = (page) => page.getByRole("list", { name: "Attached files" });
const send = (page) => page.getByRole("button", { name: "Send", exact: true });

test("Files are attached by button, paste and drop, sent with a text, shown in their place, and saved.", async (t) => {
  const alice = await open(t, "alice");
  const bob = await open(t, "bob");
  await enter(alice, "Bob");
  await enter(bob, "Alice");
  const wide = await picture(alice, 800, 400);

  await attach(alice, asFile("lake.png", "image/png", wide), {
    name: "plan <b>.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("At nine, at the north gate."),
  });
  await tray(alice).getByRole("listitem", { name: "lake.png" }).waitFor();
  // Pasted and dropped, as a browser tells of it.
  await field(alice).evaluate((element, base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const carried = (name) => {
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type: "image/png" }));
      return data;
    };
    const event = { bubbles: true, cancelable: true };
    element.dispatchEvent(new ClipboardEvent("paste", { ...event, clipboardData: carried("pasted.png") }));
    const main = element.closest("main");
    for (const type of ["dragover", "drop"])
      main.dispatchEvent(new DragEvent(type, { ...event, dataTransfer: carried("dropped.png") }));
  }, wide);
  for (const name of ["pasted.png", "dropped.png"]) {
    await tray(alice).getByRole("listitem", { name }).waitFor();
  }
  await tray(alice).getByRole("button", { name: /^(?:Remove|Cancel) dropped.png$/ }).click();
  await tray(alice).getByRole("listitem", { name: "dropped.png" }).waitFor({ state: "detached" });
  await field(alice).fill("All that you need");
  await becomes(() => send(alice).isEnabled(), true);
  await send(alice).click();
  await tray(alice).waitFor({ state: "detached" });

  const got = await message(bob, "All that you need");
  await (await message(alice, "All that you need")).getByRole("img", { name: "Read" }).waitFor();
  // The text stays a text, and what is saved is what was sent.
  const saved = bob.waitForEvent("download");
  await got.getByRole("button", { name: "Download plan <b>.txt" }).click();
  const path = await (await saved).path();
  assert.equal(await readFile(path, "utf8"), "At nine, at the north gate.");

  const images = got.getByRole("button", { name: /^Open / });
  // A picture that takes long to make is shown once it is made.
  await becomes(() => images.count(), 2);
  await becomes(
    () => images.locator("img").evaluateAll((all) => all.map((one) => one.naturalWidth > 0)),
    [true, true],
  );
  await images.first().click();
  const viewer = bob.getByRole("dialog", { name: "lake.png" });
  await viewer.getByText("1 of 2").waitFor();
  await becomes(() => viewer.getByRole("img").evaluate((image) => image.naturalWidth), 800);
  const width = () => viewer.getByRole("img").evaluate((image) => Math.round(image.getBoundingClientRect().width));
  // It is loaded before it is laid out.
  await becomes(width, 800);
  await bob.keyboard.press("+");
  await becomes(width, 1200);
  await bob.keyboard.press("0");
  await becomes(width, 800);
  await bob.keyboard.press("ArrowRight");
  await bob.getByRole("dialog", { name: "pasted.png" }).waitFor();
  await bob.keyboard.press("Escape");
  await bob.getByRole("dialog").waitFor({ state: "detached" });
  await becomes(() => field(bob).isVisible(), true);

  await bob.getByRole("button", { name: "Details" }).click();
  const files = bob.getByRole("region", { name: "Files" });
  await files.getByRole("button", { name: "Open lake.png" }).waitFor();
  await files.getByRole("button", { name: "Download plan <b>.txt" }).waitFor();
  // Erased, its files are gone with it.
  await (await message(alice, "All that you need")).hover();
  await (await message(alice, "All that you need")).getByRole("button", { name: "Delete" }).click();
  await alice.getByRole("button", { name: "Delete for everyone" }).click();
  await files.waitFor({ state: "detached" });
});

test("An upload shows how far it is, is cancelled, fails and is retried; what is too large is not begun.", async (t) => {
  const alice = await open(t, "alice");
  await enter(alice, "Bob");
  const puts = [];
  let answer = (route) => puts.push(route);
  await alice.context().route("**/api/files/*/content*", (route) => answer(route));

  const bytes = { name: "notes.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(300_000, 7) };
  await attach(alice, bytes);
  await tray(alice).getByRole("progressbar", { name: "Uploading notes.bin" }).waitFor();
  assert.equal(await send(alice).isEnabled(), false);
  await becomes(() => puts.length, 1);
  await tray(alice).getByRole("button", { name: "Cancel notes.bin" }).click();
  await tray(alice).waitFor({ state: "detached" });

  answer = (route) =>
    route.fulfill({
      status: 409,
      json: { success: false, error: { code: "CONFLICT", message: "The file is another one", retryable: false } },
    });
  await attach(alice, bytes);
  await tray(alice).getByText("The file is another one").waitFor();
  assert.equal(await send(alice).isEnabled(), false);
  answer = (route) => route.continue();
  await tray(alice).getByRole("button", { name: "Retry notes.bin" }).click();
  await becomes(() => send(alice).isEnabled(), true);
  await send(alice).click();
  const article = alice.getByRole("article").filter({ has: alice.getByRole("button", { name: "Download notes.bin" }) });
  await article.getByRole("img", { name: /Sent|Delivered|Read/ }).waitFor();

  // The page says so before anything is sent.
  await field(alice).evaluate((element, size) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(size)], "film.mp4", { type: "video/mp4" }));
    element.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: data }));
  }, given.most + 1);
  await alice.getByText("film.mp4 is larger than").waitFor();
  assert.equal(await tray(alice).count(), 0);
});

test("What was uploaded goes out after a reload without a link, once.", async (t) => {
  const alice = await open(t, "alice");
  await enter(alice, "Bob");
  await attach(alice, { name: "kept.txt", mimeType: "text/plain", buffer: Buffer.from("kept") });
  await becomes(() => send(alice).isEnabled(), true);
  await alice.context().setOffline(true);
  await send(alice).click();
  const card = alice.getByRole("button", { name: "Download kept.txt" });
  await card.waitFor();
  await alice.getByRole("status").filter({ hasText: "Offline · 1 will send" }).waitFor();
  await alice.reload();
  await alice.context().setOffline(false);
  const article = alice.getByRole("article").filter({ has: card });
  await article.getByRole("img", { name: "Sent" }).waitFor();
  assert.equal(await article.count(), 1);
});

test("A voice message is recorded, sent and played, and its waveform leads to where it is pressed.", async (t) => {
  const alice = await open(t, "alice", { permissions: ["microphone"] });
  const bob = await open(t, "bob");
  await enter(alice, "Bob");
  await enter(bob, "Alice");
  await alice.getByRole("button", { name: "Record a voice message" }).click();
  await alice.getByRole("group", { name: "Recording" }).getByText("0:00").waitFor();
  await alice.getByRole("button", { name: "Cancel recording" }).click();
  await alice.getByRole("group", { name: "Recording" }).waitFor({ state: "detached" });

  await alice.getByRole("button", { name: "Record a voice message" }).click();
  await alice.getByRole("group", { name: "Recording" }).getByText("0:02").waitFor();
  await alice.getByRole("button", { name: "Stop recording" }).click();
  await becomes(() => send(alice).isEnabled(), true);
  await send(alice).click();

  const player = bob.getByRole("group", { name: "Voice message" });
  await player.waitFor();
  const position = player.getByRole("slider", { name: "Position" });
  const length = Number(await position.getAttribute("aria-valuemax"));
  assert.ok(length >= 2, `${length} s`);
  await player.getByRole("button", { name: "Play voice message" }).click();
  await player.getByRole("button", { name: "Pause" }).waitFor();
  const at = () => player.locator("audio").evaluate((audio) => audio.currentTime);
  await becomes(async () => (await at()) > 0, true);
  await player.getByRole("button", { name: "Pause" }).click();
  await position.focus();
  await bob.keyboard.press("Home");
  await becomes(at, 0);
  await bob.keyboard.press("ArrowRight");
  await becomes(at, 2);
  const { messages } = await ask("bob", "chat:history", { conversationId: conversation.id, limit: 1 });
  assert.equal(messages[0].message_type, "voice");
  const [{ duration, waveform }] = messages[0].files;
  assert.ok(duration >= 2_000 && duration < 900_000, `${duration}`);
  assert.ok(waveform.length > 0 && waveform.length <= 100 && Math.max(...waveform) === 255, `${waveform}`);
  await bob.getByRole("listitem", { name: "Alice" }).getByText(/^Voice message, 0:0\d/).waitFor();
});
