// Light, dark, or as the system has it.

import { create } from "zustand";

export type Theme = "system" | "light" | "dark";

const KEY = "chatserver.theme";
/** Of what stands at the top: `--panel` of theme.css. */
const TOP = { light: "#f1efe8", dark: "#181b1a" } as const;

function kept(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const useTheme = create<{ theme: Theme }>()(() => ({ theme: kept() }));

/** Shows the page in the theme that is chosen, and the browser's own bar above it. */
export function applyTheme(): void {
  const { theme } = useTheme.getState();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  // There is one for each that the system may have.
  for (const bar of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const systems = bar.media.includes("dark") ? "dark" : "light";
    bar.content = TOP[theme === "system" ? systems : theme];
  }
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
