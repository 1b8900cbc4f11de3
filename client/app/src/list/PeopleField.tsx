import type { ComponentProps, KeyboardEvent } from "react";

/** The field that people are looked for in, by name or id. */
export function PeopleField({
  query,
  onQuery,
  onKey,
  ...rest
}: {
  query: string;
  onQuery: (query: string) => void;
  onKey: (event: KeyboardEvent<HTMLInputElement>) => void;
} & ComponentProps<"input">) {
  return (
    <label>
      <span>People</span>
      <input
        {...rest}
        value={query}
        placeholder="A name, or an id and Enter"
        maxLength={64}
        autoComplete="off"
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={onKey}
      />
    </label>
  );
}
