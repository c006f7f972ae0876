import { beginWorker } from "./engine/early.ts";

beginWorker();
void import("./page.tsx");
