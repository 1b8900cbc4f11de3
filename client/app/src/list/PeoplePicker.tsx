import { useState } from "react";

import { isComposing } from "../lib/keys.js";
import { Avatar } from "../ui/Avatar.js";
import { matching, named, usePeople } from "./people.js";
import { PeopleField } from "./PeopleField.js";
import styles from "./Forms.module.css";

/** Several people to choose. An id that is typed and entered is one of them, too. */
export function PeoplePicker({
  chosen,
  without = [],
  onChange,
}: {
  chosen: readonly string[];
  without?: readonly string[];
  onChange: (ids: readonly string[]) => void;
}) {
  const known = usePeople().filter(({ id }) => !without.includes(id));
  const [query, setQuery] = useState("");
  const strangers = chosen
    .filter((id) => !known.some((one) => one.id === id))
    .map((id) => ({ id, name: id, url: null }));
  const shown = [...strangers, ...matching(known, query)];

  function toggle(id: string) {
    onChange(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  }

  return (
    <div className={styles.form}>
      <PeopleField
        query={query}
        onQuery={setQuery}
        onKey={(event) => {
          if (event.key !== "Enter" || isComposing(event) || !query.trim()) return;
          event.preventDefault();
          const id = named(known, query);
          if (!chosen.includes(id)) toggle(id);
          setQuery("");
        }}
      />
      <div className={styles.options}>
        {shown.map(({ id, name, url }) => (
          <label key={id} className={styles.choice}>
            <input
              type="checkbox"
              aria-label={name}
              checked={chosen.includes(id)}
              onChange={() => toggle(id)}
            />
            <Avatar id={id} name={name} url={url} size={36} />
            <span>{name}</span>
            <small>{id === name ? "" : id}</small>
          </label>
        ))}
      </div>
    </div>
  );
}
