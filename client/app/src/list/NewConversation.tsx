import { useChatActions } from "@chatserver/zustand/react";
import { useState } from "react";

import { attempt } from "../lib/notices.js";
import { go } from "../lib/route.js";
import { Avatar } from "../ui/Avatar.js";
import { Button } from "../ui/Button.js";
import { Dialog } from "../ui/Dialog.js";
import { matching, named, usePeople } from "./people.js";
import { PeopleField } from "./PeopleField.js";
import styles from "./Forms.module.css";

/** Begins a conversation with one person. */
export function NewConversation({ onClose }: { onClose: () => void }) {
  const { openDirect } = useChatActions();
  const people = usePeople();
  const [query, setQuery] = useState("");
  const [product, setProduct] = useState("");
  const [at, setAt] = useState(-1);
  const found = matching(people, query);

  async function open(userId: string) {
    const opened = openDirect(userId, product.trim() || undefined);
    if (await attempt(opened)) {
      go(await opened);
      onClose();
    }
  }

  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          const picked = found[at]?.id;
          if (picked !== undefined || query.trim()) void open(picked ?? named(people, query));
        }}
      >
        <PeopleField
          query={query}
          aria-controls="people"
          aria-autocomplete="list"
          aria-activedescendant={at >= 0 ? `person-${at}` : undefined}
          autoFocus
          onQuery={(text) => {
            setQuery(text);
            setAt(-1);
          }}
          onKey={(event) => {
            const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
            if (step === undefined) return;
            event.preventDefault();
            setAt(Math.min(found.length - 1, Math.max(-1, at + step)));
          }}
        />
        <div className={styles.options} id="people" role="listbox" aria-label="People">
          {found.map(({ id, name, url }, index) => (
            <div
              key={id}
              id={`person-${index}`}
              role="option"
              aria-selected={index === at}
              aria-label={name}
              onClick={() => void open(id)}
            >
              <Avatar id={id} name={name} url={url} size={36} />
              <span>{name}</span>
              <small>{id}</small>
            </div>
          ))}
        </div>
        {found.length === 0 && (
          <p className={styles.hint}>Press Enter to write to “{query.trim()}”.</p>
        )}
        <details className={styles.more}>
          <summary>About a product</summary>
          <label>
            <span>Product id</span>
            <input
              value={product}
              maxLength={64}
              autoComplete="off"
              onChange={(event) => setProduct(event.target.value)}
            />
          </label>
        </details>
        <div className={styles.actions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="main" disabled={at < 0 && !query.trim()}>
            Open
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
