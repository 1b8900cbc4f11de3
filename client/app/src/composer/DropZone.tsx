import { useState, type ComponentProps, type DragEvent } from "react";

import styles from "./DropZone.module.css";

/** Its children, onto which files may be dropped. */
export function DropZone({
  isOpen,
  onFiles,
  children,
  ...rest
}: { isOpen: boolean; onFiles: (files: Iterable<File>) => void } & ComponentProps<"main">) {
  const [isOver, setOver] = useState(false);
  const hasFiles = ({ dataTransfer }: DragEvent) => isOpen && dataTransfer.types.includes("Files");
  return (
    <main
      {...rest}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        const to = event.relatedTarget;
        if (!(to instanceof Node && event.currentTarget.contains(to))) setOver(false);
      }}
      onDrop={(event) => {
        setOver(false);
        if (!hasFiles(event)) return;
        event.preventDefault();
        onFiles(event.dataTransfer.files);
      }}
    >
      {children}
      {isOver && (
        <div className={styles.over} aria-hidden="true">
          Drop to attach
        </div>
      )}
    </main>
  );
}
