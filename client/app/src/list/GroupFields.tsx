/** What a group is called, and what it is for. */
export interface About {
  readonly title: string;
  readonly description: string;
}

/** The fields for them. */
export function GroupFields({
  about,
  onChange,
}: {
  about: About;
  onChange: (about: About) => void;
}) {
  return (
    <>
      <label>
        <span>Title</span>
        <input
          value={about.title}
          maxLength={100}
          autoComplete="off"
          autoFocus
          onChange={(event) => onChange({ ...about, title: event.target.value })}
        />
      </label>
      <label>
        <span>What it is for</span>
        <input
          value={about.description}
          maxLength={500}
          autoComplete="off"
          onChange={(event) => onChange({ ...about, description: event.target.value })}
        />
      </label>
    </>
  );
}
