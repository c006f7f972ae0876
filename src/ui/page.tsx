import { createRoot } from "react-dom/client";
import { App } from "./app/App.tsx";
import { keepOffline } from "./app/offline.ts";
import { Session } from "./app/session.ts";
import { createLabStore } from "./app/state.ts";
import { connectWorker } from "./engine/client.ts";
import { applySettings, readSettings } from "./theme/settings.ts";
import "./theme/fonts.css";
import "./theme/tokens.css";
import "./theme/base.css";

applySettings(readSettings());
const store = createLabStore();
const session = new Session(store, connectWorker);
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App session={session} />);
keepOffline(store);
void session.start(location.hash.slice(1));
