// Changes of messages that are shown at once, and taken back where the server refuses them.

import type { Chat } from "@chatserver/client";

import { Draft } from "./draft.js";
import {
  baseOf,
  beginChange,
  endChange,
  forgetMessage,
  putMessage,
  setBase,
  tombstone,
  withReaction,
} from "./messages.js";
import type { Change, Domain } from "./state.js";

export type Update = (next: (state: Domain) => Domain) => void;
type Made = Change extends infer Kind ? (Kind extends Change ? Omit<Kind, "key"> : never) : never;

let keys = 0;

function within(state: Domain, work: (draft: Draft) => void): Domain {
  const draft = new Draft(state);
  work(draft);
  return draft.done();
}

/** Changes messages by commands. Each promise rejects with the ChatError that the change was refused with. */
export function messageChanges(chat: Chat, update: Update, now: () => Domain) {
  async function change<Answer>(
    id: string,
    made: Made,
    ask: () => Promise<Answer>,
    done: (draft: Draft, answer: Answer) => void,
  ): Promise<void> {
    keys += 1;
    const key = keys.toString();
    update((state) =>
      within(state, (draft) => {
        beginChange(draft, id, { ...made, key });
      }),
    );
    try {
      const answer = await ask();
      // In one step, so that the old wording is not shown in between.
      update((state) =>
        within(state, (draft) => {
          done(draft, answer);
          endChange(draft, id, key);
        }),
      );
    } catch (error) {
      update((state) =>
        within(state, (draft) => {
          endChange(draft, id, key);
        }),
      );
      throw error;
    }
  }

  return {
    /** Changes the text of one's own message. */
    edit(messageId: string, content: string): Promise<void> {
      return change(
        messageId,
        { kind: "edit", content },
        () => chat.ask("chat:message_edit", { messageId, content }),
        (draft, { message }) => {
          putMessage(draft, message);
        },
      );
    },

    /** Erases a message for everyone. */
    erase(messageId: string): Promise<void> {
      return change(
        messageId,
        { kind: "delete" },
        () => chat.ask("chat:message_delete", { messageId, deleteForEveryone: true }),
        (draft) => {
          const base = baseOf(draft.state, messageId);
          if (base) setBase(draft, tombstone(base));
        },
      );
    },

    /** Deletes a message for oneself alone. */
    hide(messageId: string): Promise<void> {
      return change(
        messageId,
        { kind: "hide" },
        () => chat.ask("chat:message_delete", { messageId, deleteForEveryone: false }),
        (draft) => {
          const base = baseOf(draft.state, messageId);
          if (base) forgetMessage(draft, base.conversation_id, messageId);
        },
      );
    },

    /** Reacts to a message, or with null takes one's reaction back; so does the same reaction again. */
    react(messageId: string, reaction: string | null): Promise<void> {
      const { me, messagesById } = now();
      const own = messagesById[messageId]?.reactions.find(({ user_id: id }) => id === me);
      const wanted = own?.reaction === reaction ? null : reaction;
      return change(
        messageId,
        { kind: "react", reaction: wanted },
        async () => {
          if (wanted === null) {
            await chat.ask("chat:reaction_remove", { messageId });
            return null;
          }
          const answer = await chat.ask("chat:reaction_add", { messageId, reaction: wanted });
          return answer.removed ? null : answer.reaction;
        },
        (draft, now) => {
          const base = baseOf(draft.state, messageId);
          const user = chat.session?.user;
          if (base && user)
            setBase(draft, withReaction(base, { id: user.userId, name: user.username }, now));
        },
      );
    },

    /** Pins a message, or removes its pin. */
    async pin(messageId: string, isPinned: boolean): Promise<void> {
      await chat.ask(isPinned ? "chat:message_pin" : "chat:message_unpin", { messageId });
    },
  };
}
