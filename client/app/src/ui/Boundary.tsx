import { TriangleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";

import { reload } from "../session.js";
import styles from "./Boundary.module.css";
import { Button } from "./Button.js";

interface Props {
  /** Of the place that what is within it would have; without one it takes all that there is. */
  className?: string | undefined;
  children: ReactNode;
}

/** What breaks within it breaks nothing else: in its place stands a sentence, and a button that loads the page anew. */
export class Boundary extends Component<Props, { isBroken: boolean }> {
  override state = { isBroken: false };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  override render() {
    const { className = "", children } = this.props;
    if (!this.state.isBroken) return children;
    return (
      <div className={`${styles.broken} ${className}`} role="alert">
        <TriangleAlert />
        <p>Something went wrong here. Your drafts are kept.</p>
        <Button kind="main" onClick={() => void reload()}>
          Reload
        </Button>
      </div>
    );
  }
}
