// The pictures of the README; run by tests/client/app/test_pictures.py.

import { join } from "node:path";
import test from "node:test";

import { ask, enter, field, given, message, open } from "./support.mjs";

const { people, folder } = given;

const say = async (user, conversationId, content, more = {}) =>
  (await ask(user, "chat:message_send", { conversationId, content, ...more })).message;

const { conversation: group } = await ask("alice", "group:create", {
  title: "Saturday ride",
  description: "Around the lake, at an easy pace",
  participantIds: [people.bob, people.carol, people.dave],
});
await ask("alice", "group:promote", { conversationId: group.id, userId: people.carol, role: "moderator" });
const plan = await say("alice", group.id, "Who is in for Saturday? I thought of the lake: 42 km, with coffee in the middle.");
await say("bob", group.id, "In! I bring the pump.", { replyToMessageId: plan.id });
const asked = await say("carol", group.id, "Me too. @dave you wanted to try?");
await say("dave", group.id, "Yes, if `42 km` is an easy pace 😅");
await say("dave", group.id, "I have lights now, too.");
await ask("alice", "group:announce", { conversationId: group.id, content: "We meet at 9:00 at the north gate. Bring a second layer." });
for (const [user, reaction] of [["bob", "👍"], ["dave", "👍"], ["alice", "🎉"]])
  await ask(user, "chat:reaction_add", { messageId: asked.id, reaction });
await ask("carol", "chat:message_pin", { messageId: plan.id });

const { conversation: direct } = await ask("alice", "chat:conversation_open", { recipientId: people.bob, productId: given.product });
await say("alice", direct.id, "Morning! Is the bicycle still there?");
await say("bob", direct.id, "It is. Somebody asked yesterday, but did not come.");
await say("alice", direct.id, "How old is it?");
await say("bob", direct.id, "Three years. New chain, new brakes.\nThe saddle is the old one.");
await say("alice", direct.id, "Could I see it on Saturday?");
const { conversation: other } = await ask("carol", "chat:conversation_open", { recipientId: people.alice });
await say("carol", other.id, "Do you have a minute?");
await say("carol", other.id, "It is about the group.");
await say("bob", group.id, "@alice shall I book the table?");

test("The pictures are taken.", async (t) => {
  const shoot = (page, name) => page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
  const size = { viewport: { width: 1120, height: 700 } };
  const carol = await open(t, "carol");
  await enter(carol, "Saturday ride");

  const light = await open(t, "alice", { ...size, colorScheme: "light" });
  await enter(light, "Saturday ride");
  await message(light, "shall I book");
  await field(carol).pressSequentially("Me");
  await light.getByText("Carol is typing…").waitFor();
  await light.getByRole("listitem", { name: /^Saturday ride$/ }).waitFor();
  await (await message(light, "I have lights")).hover();
  await shoot(light, "app-light");

  const dark = await open(t, "bob", { ...size, colorScheme: "dark" });
  await enter(dark, "Alice");
  await message(dark, "Could I see it");
  await field(dark).fill("Saturday is fine, before noon.");
  await dark.getByRole("listitem", { name: /^Alice[^\d]*(56 cm)?[^\d]*$/ }).waitFor();
  await shoot(dark, "app-dark");

  const phone = await open(t, "dave", { viewport: { width: 390, height: 700 }, hasTouch: true, isMobile: true });
  await enter(phone, "Saturday ride");
  await message(phone, "shall I book");
  await phone.mouse.move(0, 0);
  await shoot(phone, "app-phone");
});
