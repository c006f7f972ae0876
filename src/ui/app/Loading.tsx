import css from "./app.module.css";
import type { Phase } from "./state.ts";

/** While the worker starts and the first pictures are computed. */
export function Loading({ phase }: { phase: Extract<Phase, { name: "starting" | "opening" }> }) {
  const part = phase.name === "opening" && phase.total > 0 ? phase.done / phase.total : 0;
  return (
    <div className={css["state"]} role="status">
      <h2>{phase.name === "opening" ? phase.title : "Starting the simulator"}</h2>
      <div className={css["progress"]}>
        <i style={{ width: `${Math.round(part * 100)}%` }} />
      </div>
      <p>
        {phase.name === "opening"
          ? `Playing every step: ${phase.done} of ${phase.total} kernels`
          : "Machine, kernels and scenarios are being built in this page; nothing is asked from a server."}
      </p>
    </div>
  );
}
