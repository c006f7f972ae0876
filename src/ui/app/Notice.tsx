import { useLab, useSession } from "./context.ts";
import css from "./app.module.css";

/** One sentence about what was refused. The world below is as it was. */
export function Notice() {
  const { store } = useSession();
  const notice = useLab((s) => s.notice);
  return (
    <div role="alert" className={css["notices"]}>
      {notice !== null && (
        <div className={css["notice"]} data-testid="notice">
          <p>{notice}</p>
          <button type="button" onClick={() => store.setState({ notice: null })}>
            Dismiss
          </button>
        </div>
      )}
    </div>
  );
}
