import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App.js";
import { registerWorker } from "./lib/serviceWorker.js";
import { applyTheme } from "./lib/theme.js";
import { resume } from "./session.js";
import "./theme.css";

applyTheme();
resume();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
// Its files are not to hold up the page's own.
addEventListener("load", registerWorker);
