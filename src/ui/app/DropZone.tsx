import { useEffect, useState } from "react";
import { useLab, useSession } from "./context.ts";
import css from "./dropzone.module.css";

/** Takes files that are dropped anywhere on the page, and says how far it is with them. */
export function DropZone() {
  const session = useSession();
  const reading = useLab((s) => s.reading);
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Each element that the pointer enters or leaves tells: what counts is how many it is inside of.
    let depth = 0;
    const carries = (e: DragEvent): boolean => e.dataTransfer?.types.includes("Files") === true;
    const enter = (e: DragEvent): void => {
      if (!carries(e)) return;
      e.preventDefault();
      depth++;
      setOver(true);
    };
    const leave = (e: DragEvent): void => {
      if (carries(e) && --depth <= 0) away();
    };
    const away = (): void => {
      depth = 0;
      setOver(false);
    };
    const stay = (e: DragEvent): void => {
      if (!carries(e)) return;
      e.preventDefault();
      if (e.dataTransfer !== null) e.dataTransfer.dropEffect = "copy";
    };
    const drop = (e: DragEvent): void => {
      if (!carries(e)) return;
      e.preventDefault();
      away();
      void session.files.open([...(e.dataTransfer?.files ?? [])]);
    };
    const key = (e: KeyboardEvent): void => {
      if (e.key === "Escape") away();
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", stay);
    addEventListener("drop", drop);
    addEventListener("keydown", key);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", stay);
      removeEventListener("drop", drop);
      removeEventListener("keydown", key);
    };
  }, [session]);
  if (reading !== null) {
    const { name, part, done, total } = reading;
    return (
      <div className={css["zone"]} role="dialog" aria-label={`Opening ${name}`} aria-busy="true">
        <div className={css["state"]}>
          <h2>{name}</h2>
          <div
            className={css["progress"]}
            role="progressbar"
            aria-label={part === "reading" ? "Files read" : part === "steps" ? "Steps run" : "Records played"}
            aria-valuemin={0}
            aria-valuemax={total === 0 ? undefined : total}
            aria-valuenow={total === 0 ? undefined : done}
            data-unknown={total === 0 ? "" : undefined}
          >
            <i style={{ width: total === 0 ? "100%" : `${Math.round((100 * done) / total)}%` }} />
          </div>
          <p>
            {part === "reading"
              ? "Reading the file; it stays in this page."
              : total === 0
                ? "Looking at what it holds …"
                : `Playing every ${part === "steps" ? "step" : "record"} on the model: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`}
          </p>
          <button type="button" onClick={() => void session.files.stop()}>
            Stop
          </button>
        </div>
      </div>
    );
  }
  if (!over) return null;
  return (
    <div className={css["zone"]} role="dialog" aria-label="Drop to open" data-over="">
      <div className={css["frame"]}>
        <h2>Drop to open</h2>
        <p>a scenario, as text or JSON</p>
        <p>a recorded trace (.jsonl, .jsonl.gz), together with its table dumps</p>
        <small>Files are read in this page and go nowhere else.</small>
      </div>
    </div>
  );
}
