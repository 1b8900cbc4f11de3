import { useChatStore } from "@chatserver/zustand/react";
import { useState } from "react";

import { attempt } from "../lib/notices.js";
import { go } from "../lib/route.js";
import { Button } from "../ui/Button.js";
import { Dialog } from "../ui/Dialog.js";
import { GroupFields, type About } from "./GroupFields.js";
import { PeoplePicker } from "./PeoplePicker.js";
import styles from "./Forms.module.css";

/** Makes a group of the person and those they choose. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const { chat } = useChatStore();
  const [about, setAbout] = useState<About>({ title: "", description: "" });
  const [people, setPeople] = useState<readonly string[]>([]);
  const [isBusy, setBusy] = useState(false);

  const title = about.title.trim();
  const description = about.description.trim();

  async function create() {
    setBusy(true);
    const made = chat.ask("group:create", {
      title,
      participantIds: [...people],
      ...(description && { description }),
    });
    if (await attempt(made)) {
      go((await made).conversation.id);
      onClose();
    }
    setBusy(false);
  }

  return (
    <Dialog title="New group" onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (title) void create();
        }}
      >
        <GroupFields about={about} onChange={setAbout} />
        <PeoplePicker chosen={people} onChange={setPeople} />
        <div className={styles.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={!title || isBusy}>
            Create
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
