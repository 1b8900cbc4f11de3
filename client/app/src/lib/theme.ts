// Light, dark, or as the system has it.

import { create } from "zustand";

export type Theme = "system" | "light" | "dark";

const KEY = "chatserver.theme";

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const useTheme = create<{ theme: Theme }>()(() => ({ theme: kept() }));

/** Shows the page in the theme that is chosen. */
export function applyTheme(): void {
  const { theme } = useTheme.getState();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  useTheme.setState({ theme });
  applyTheme();
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // For this page alone, then.
  }
}
