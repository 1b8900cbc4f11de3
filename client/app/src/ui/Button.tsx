import type { ComponentProps, ReactNode } from "react";

import styles from "./Button.module.css";

type Props = ComponentProps<"button">;

/** A button of an icon alone, with a name. */
export function IconButton({
  label,
  className = "",
  children,
  ...rest
}: Omit<Props, "aria-label" | "title"> & { label: string; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`${styles.icon} ${className}`}
      {...rest}
    >
      {children}
    </button>
  );
}

/** A button with words on it. */
export function Button({
  kind = "plain",
  className = "",
  ...rest
}: Props & { kind?: "main" | "plain" | "danger" }) {
  return (
    <button type="button" className={`${styles.button} ${styles[kind]} ${className}`} {...rest} />
  );
}
