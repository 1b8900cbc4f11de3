// What happens to a group. What an event does not tell of its members is asked for.

import type { PushData, SharedConversation } from "@chatserver/client";

import { changeConversation, dropConversation } from "./conversations.js";
import type { Draft } from "./draft.js";
import type { Reducers } from "./reducers.js";
import { doubt, outdate } from "./unread.js";

/** A conversation shows so many of its participants. */
const MOST_SHOWN = 100;

type Role = PushData<"group:owner_changed">["role"];

export const groupReducers: Reducers = {
  "group:created"(draft, { conversationId }) {
    if (!draft.state.conversations[conversationId]) doubt(draft, conversationId);
  },

  "group:info_updated"(draft, { conversationId, seq, conversation }) {
    const { title, description, max_members, member_count, settings }: SharedConversation =
      conversation;
    changeConversation(draft, conversationId, seq, () => ({
      title,
      description,
      max_members,
      member_count,
      settings,
    }));
  },

  "group:deleted"(draft, { conversationId }) {
    dropConversation(draft, conversationId);
    outdate(draft, conversationId);
  },

  "group:member_added"(draft, { conversationId, seq, user }) {
    if (user.user_id === draft.state.me) {
      doubt(draft, conversationId);
      return;
    }
    changeConversation(draft, conversationId, seq, ({ member_count: count }) => {
      // The event has their name, and the list of participants more of them.
      doubt(draft, conversationId);
      return { member_count: count + 1 };
    });
  },

  "group:member_removed": gone,
  "group:member_left": gone,

  "group:member_promoted"(draft, { conversationId, seq, user, role }) {
    changeRoles(draft, conversationId, seq, { [user.user_id]: role });
  },

  "group:member_demoted"(draft, { conversationId, seq, user, role }) {
    changeRoles(draft, conversationId, seq, { [user.user_id]: role });
  },

  "group:owner_changed"(draft, { conversationId, seq, user, role, by }) {
    changeRoles(draft, conversationId, seq, { [user.user_id]: role, [by]: "admin" });
  },

  "group:member_updated"(draft, { conversationId, seq }) {
    changeConversation(draft, conversationId, seq, () => ({}));
  },
};

function gone(draft: Draft, { conversationId, seq, user }: PushData<"group:member_left">): void {
  if (user.user_id === draft.state.me) {
    dropConversation(draft, conversationId);
    outdate(draft, conversationId);
    return;
  }
  changeConversation(draft, conversationId, seq, ({ member_count: count, participants }) => {
    if (participants.length >= MOST_SHOWN) doubt(draft, conversationId);
    return {
      member_count: count - 1,
      participants: participants.filter(({ user_id: id }) => id !== user.user_id),
    };
  });
}

function changeRoles(
  draft: Draft,
  conversationId: string,
  seq: number,
  roles: Record<string, Role>,
): void {
  changeConversation(draft, conversationId, seq, ({ participants, my_role: mine }) => {
    // The highest roles come first, and those who were members longest: the server knows since when.
    doubt(draft, conversationId);
    return {
      my_role: roles[draft.state.me ?? ""] ?? mine,
      participants: participants.map((participant) => {
        const role = roles[participant.user_id];
        return role ? { ...participant, role } : participant;
      }),
    };
  });
}
