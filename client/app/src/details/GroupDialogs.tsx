import { useChatStore } from "@chatserver/zustand/react";
import type { StoredConversation } from "@chatserver/zustand";
import { useState } from "react";

import { attempt } from "../lib/notices.js";
import formStyles from "../list/Forms.module.css";
import { GroupFields, type About } from "../list/GroupFields.js";
import { PeoplePicker } from "../list/PeoplePicker.js";
import { Button } from "../ui/Button.js";
import { Dialog } from "../ui/Dialog.js";

interface Props {
  conversation: StoredConversation;
  onClose: () => void;
}

/** Adds people to a group. */
export function AddPeople({ conversation, onClose }: Props) {
  const { chat } = useChatStore();
  const [people, setPeople] = useState<readonly string[]>([]);

  async function add() {
    const asked = { conversationId: conversation.id, userIds: [...people] };
    if (await attempt(chat.ask("group:member_add", asked))) onClose();
  }

  return (
    <Dialog title="Add people" onClose={onClose}>
      <PeoplePicker
        chosen={people}
        without={conversation.participants.map(({ user_id: id }) => id)}
        onChange={setPeople}
      />
      <div className={formStyles.actions}>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="main" disabled={!people.length} onClick={() => void add()}>
          Add
        </Button>
      </div>
    </Dialog>
  );
}

/** Changes what a group is called, and what it is for. */
export function EditGroup({ conversation, onClose }: Props) {
  const { chat } = useChatStore();
  const [about, setAbout] = useState<About>({
    title: conversation.title ?? "",
    description: conversation.description ?? "",
  });
  const title = about.title.trim();

  async function save() {
    const asked = {
      conversationId: conversation.id,
      title,
      description: about.description.trim(),
    };
    if (await attempt(chat.ask("group:update", asked))) onClose();
  }

  return (
    <Dialog title="Edit group" onClose={onClose}>
      <form
        className={formStyles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (title) void save();
        }}
      >
        <GroupFields about={about} onChange={setAbout} />
        <div className={formStyles.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={!title}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
