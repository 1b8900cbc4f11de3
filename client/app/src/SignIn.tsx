import { ArrowRight } from "lucide-react";
import { useState } from "react";

import { DEMO, signInAs, signInWith, useSession } from "./session.js";
import icon from "./icon.svg";
import styles from "./SignIn.module.css";
import { Avatar } from "./ui/Avatar.js";
import { Button } from "./ui/Button.js";

/** Where nobody is signed in: the people of the demo, or a token. */
export function SignIn() {
  const problem = useSession((state) => state.problem);
  const isByToken = useSession((state) => state.isByToken);
  const [busy, setBusy] = useState<string | null>(null);
  const [token, setToken] = useState("");

  async function choose(user: string) {
    setBusy(user);
    await signInAs(user);
    setBusy(null);
  }

  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <img src={icon} alt="" width="44" height="44" />
        <h1>Who are you today?</h1>
        <p className={styles.lead}>
          Open a second tab as somebody else, and put the two side by side.
        </p>
        {problem !== null && (
          <p className={styles.problem} role="alert">
            {problem}
          </p>
        )}
        <ul className={styles.people}>
          {DEMO.map((user) => {
            const name = user.slice(0, 1).toUpperCase() + user.slice(1);
            return (
              <li key={user}>
                <button
                  type="button"
                  aria-label={`Sign in as ${user}`}
                  disabled={busy !== null}
                  onClick={() => void choose(user)}
                >
                  <Avatar id={user} name={name} />
                  <b>{name}</b>
                  <ArrowRight />
                </button>
              </li>
            );
          })}
        </ul>
        <details className={styles.other} open={problem !== null && isByToken}>
          <summary>Sign in with a token</summary>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (token.trim()) signInWith(token.trim());
            }}
          >
            <input
              aria-label="Token"
              placeholder="A JWT of your application"
              value={token}
              autoComplete="off"
              onChange={(event) => setToken(event.target.value)}
            />
            <Button type="submit" kind="main">
              Sign in
            </Button>
          </form>
        </details>
      </div>
    </main>
  );
}
