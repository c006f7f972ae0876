import { useLab, useSession } from "../../app/context.ts";
import pane from "../../widgets/pane.module.css";
import css from "./space.module.css";

/** Scale, fit, and the kernel that is drawn dashed. */
export function SpaceActions() {
  const session = useSession();
  const hidden = useLab((s) => s.hidden.length);
  const mapping = useLab((s) => s.mapping);
  const written = useLab((s) => s.opened?.text !== "");
  const trueScale = useLab((s) => s.trueScale);
  const compare = useLab((s) => s.compare);
  const kernel = useLab((s) => s.kernel);
  const kernels = useLab((s) => s.catalogue?.kernels ?? []);
  return (
    <>
      {hidden > 0 && (
        <button type="button" className={pane["action"]} onClick={() => session.store.setState({ hidden: [] })}>
          {hidden} hidden: show
        </button>
      )}
      {written && (
        <button
          type="button"
          className={pane["action"]}
          aria-pressed={mapping}
          onClick={() => session.store.setState({ mapping: !mapping })}
          title="R: drag on an IOAS to map, click what is mapped to unmap. Alt and the mouse do it at any time."
        >
          map
        </button>
      )}
      <button
        type="button"
        className={pane["action"]}
        aria-pressed={trueScale}
        onClick={() => session.viewport.toggleTrueScale()}
        title="T"
      >
        true scale
      </button>
      <button type="button" className={pane["action"]} onClick={() => session.viewport.fit()} title="F">
        fit
      </button>
      <label className={css["compare"]}>
        dashed:{" "}
        <select
          value={compare ?? ""}
          aria-label="Kernel drawn dashed, for comparison"
          onChange={(e) => session.setCompare(e.target.value === "" ? null : e.target.value)}
        >
          <option value="">none</option>
          {kernels
            .filter((k) => k.id !== kernel)
            .map((k) => (
              <option key={k.id} value={k.id}>
                {k.title}
              </option>
            ))}
        </select>
      </label>
    </>
  );
}
