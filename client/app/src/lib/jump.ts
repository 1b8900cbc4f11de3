// Leads to a message, of whichever conversation: what is to be shown there once it is open.

import type { Message } from "@chatserver/client";
import { create } from "zustand";

import { go } from "./route.js";

export type Aim = Pick<Message, "id" | "seq" | "conversation_id">;

export const useAim = create<{ aim: Aim | null }>()(() => ({ aim: null }));

/** Opens a message's conversation at that message. */
export function jumpTo({ id, seq, conversation_id }: Aim): void {
  useAim.setState({ aim: { id, seq, conversation_id } });
  go(conversation_id);
}

/** It is shown, or cannot be. */
export function arrive(): void {
  useAim.setState({ aim: null });
}
