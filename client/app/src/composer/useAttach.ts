import { useChatActions, useChatStore } from "@chatserver/zustand/react";

import { sizeOf } from "../lib/files.js";
import { useEvent } from "../lib/hooks.js";
import { notify } from "../lib/notices.js";

/** Until the first session says what the server's limits are. */
const MOST_FILES = 10;
const MOST_BYTES = 25 * 1024 * 1024;

/** How large a picture is, so that its place is kept before it is there; nothing where it is none. */
async function measured(file: Blob): Promise<{ width: number; height: number } | undefined> {
  if (!/^image\/(?!svg)/u.test(file.type)) return undefined;
  try {
    const picture = await createImageBitmap(file);
    const { width, height } = picture;
    picture.close();
    return { width, height };
  } catch {
    return undefined;
  }
}

/** Attaches files that were chosen, pasted or dropped to the next message of a conversation, within the server's limits. */
export function useAttach(id: string): (files: Iterable<File>) => void {
  const store = useChatStore();
  const { attach } = useChatActions();
  return useEvent((files: Iterable<File>) => {
    const { maxFileSize: most = MOST_BYTES, maxFilesPerMessage: count = MOST_FILES } =
      store.chat.session?.limits ?? {};
    const room = count - (store.getState().attachments[id]?.length ?? 0);
    const chosen = [...files];
    const fit = chosen.filter(({ size }) => size > 0 && size <= most);
    const taken = fit.slice(0, room);
    // All of them first, so that they stay in their order.
    void Promise.all(taken.map(measured)).then((sizes) => {
      for (const [index, file] of taken.entries())
        attach(id, file, { name: file.name, ...sizes[index] });
    });
    const large = chosen.find(({ size }) => size > most);
    if (large) notify(`${large.name} is larger than ${sizeOf(most)}.`);
    else if (fit.length > room) notify(`A message has at most ${count} files.`);
    else if (fit.length < chosen.length) notify("An empty file cannot be sent.");
  });
}
