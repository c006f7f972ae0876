import { Component, type ReactNode } from "react";
import css from "./app.module.css";
import { useLab, useSession } from "./context.ts";

/** The worker ended or the model threw: what happened, what is safe, what to do. */
export function Crashed({ why }: { why: string }) {
  const session = useSession();
  const opened = useLab((s) => s.opened !== null);
  return (
    <div className={css["state"]} role="alert">
      <h2>The simulator stopped</h2>
      <p>
        {opened ? "A mistake in the model, not in your scenario: " : "It did not start: "}
        <code>{why}</code>
      </p>
      <p>
        {opened
          ? "Scenario, kernel and step are kept, and the address bar still holds their link. Start again here, or from before the first step."
          : "Nothing is lost: the address bar still holds the link. Start again; when it does not help, reload the page."}
      </p>
      <div className={css["buttons"]}>
        <button type="button" className={css["primary"]} onClick={() => void session.restart()}>
          Start again
        </button>
        {opened && (
          <button
            type="button"
            onClick={() => {
              session.store.setState({ step: 0 });
              void session.restart();
            }}
          >
            Start again before the first step
          </button>
        )}
        <button type="button" onClick={() => void navigator.clipboard.writeText(`${location.href}\n${why}`)}>
          Copy link and message
        </button>
      </div>
    </div>
  );
}

/** A drawing that threw must not leave a blank page. */
export class Failure extends Component<{ children: ReactNode }, { why: string | null }> {
  override state: { why: string | null } = { why: null };

  static getDerivedStateFromError(error: unknown): { why: string } {
    return { why: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.why === null) return this.props.children;
    return (
      <div className={css["state"]} role="alert">
        <h2>The picture could not be drawn</h2>
        <p>
          <code>{this.state.why}</code>
        </p>
        <div className={css["buttons"]}>
          <button type="button" className={css["primary"]} onClick={() => location.reload()}>
            Reload the page
          </button>
        </div>
      </div>
    );
  }
}
