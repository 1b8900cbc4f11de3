// In which order conversations are listed.

import type { ChatState } from "@chatserver/zustand";

type Listed = Pick<ChatState, "conversations" | "conversationOrder">;

/** The ids of conversations, favourites first, and the most recently active first among them and among the others. */
export function listedOf({ conversations, conversationOrder: ids }: Listed): readonly string[] {
  const isFavourite = (id: string) => conversations[id]?.my_settings.favourite === true;
  const first = ids.filter(isFavourite);
  return first.length ? [...first, ...ids.filter((id) => !isFavourite(id))] : ids;
}
