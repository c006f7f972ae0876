import { useLab, useSession } from "../app/context.ts";
import type { ViewId } from "../app/stage.ts";

/** The title of a view: press it to put another view in its place. Its menu is `ViewMenu`, which outlives this button. */
export function Switcher({ id, title }: { id: ViewId; title: string }) {
  const { store } = useSession();
  const open = useLab((s) => s.switching?.id === id);
  const show = (button: HTMLElement): void => {
    const box = button.getBoundingClientRect();
    store.setState({ switching: { id, x: box.left, y: box.bottom } });
  };
  return (
    <button
      type="button"
      aria-haspopup="menu"
      aria-expanded={open}
      title="Show another view here"
      onClick={(e) => (open ? store.setState({ switching: null }) : show(e.currentTarget))}
      onKeyDown={(e) => {
        if (e.key !== "ArrowDown") return;
        e.preventDefault();
        show(e.currentTarget);
      }}
    >
      {title}
      <svg width="7" height="5" viewBox="0 0 9 6" aria-hidden="true">
        <path d="M.7.9 4.5 4.7 8.3.9" fill="none" stroke="currentColor" strokeWidth="1.5" />
      </svg>
    </button>
  );
}
