import { type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";
import { useTip } from "../widgets/Tip.tsx";
import { useLab, useSession } from "./context.ts";
import css from "./header.module.css";

/** The kernels of the scenario; arrow keys move between them. */
export function KernelTabs() {
  const session = useSession();
  const tip = useTip();
  const kernel = useLab((s) => s.kernel);
  const catalogue = useLab((s) => s.catalogue);
  const offered = useLab((s) => s.opened?.scenario.kernels);
  const group = useRef<HTMLDivElement>(null);
  const ids = [...(offered ?? [])];
  if (kernel !== "" && !ids.includes(kernel)) ids.push(kernel);
  const shown = ids.flatMap((id) => catalogue?.kernels.find((k) => k.id === id) ?? []);
  const keys = (e: KeyboardEvent): void => {
    const by =
      e.key === "ArrowRight" || e.key === "ArrowDown" ? 1 : e.key === "ArrowLeft" || e.key === "ArrowUp" ? -1 : 0;
    if (by === 0) return;
    e.preventDefault();
    const at = shown.findIndex((k) => k.id === session.heading.kernel);
    const next = shown[(at + by + shown.length) % shown.length];
    if (next === undefined) return;
    session.setKernel(next.id);
    group.current?.querySelectorAll("button")[shown.indexOf(next)]?.focus();
  };
  const [hidden, setHidden] = useState(0);
  const count = shown.length;
  useLayoutEffect(() => {
    const element = group.current;
    if (element === null) return undefined;
    // What has no room stands in further rows, which are not seen.
    const measure = (): void => {
      const top = Math.min(...[...element.children].map((c) => (c as HTMLElement).offsetTop));
      setHidden([...element.children].filter((c) => (c as HTMLElement).offsetTop > top + 4).length);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [count]);
  return (
    <div className={css["tabs"]}>
      <div
        ref={group}
        data-more={hidden > 0 ? "" : undefined}
        className={css["kernels"]}
        role="radiogroup"
        tabIndex={-1}
        aria-label="Kernel"
        onKeyDown={keys}
      >
        {shown.map((k) => (
          <button
            key={k.id}
            type="button"
            role="radio"
            aria-checked={k.id === kernel}
            aria-label={`${k.title}, ${k.subtitle}`}
            tabIndex={k.id === kernel ? 0 : -1}
            data-kernel={k.id}
            onClick={() => session.setKernel(k.id)}
            onPointerMove={(e) =>
              tip.show([`${k.title}  ${k.id}`, ...(k.changes === "" ? [] : [k.changes])], e.clientX, e.clientY)
            }
            onPointerLeave={() => tip.hide()}
          >
            <b>{k.title}</b>
            <small>{k.subtitle}</small>
          </button>
        ))}
      </div>
      <button
        type="button"
        className={css["more"]}
        aria-haspopup="dialog"
        aria-keyshortcuts="C"
        aria-label={hidden === 0 ? "Choose any kernel" : `Choose any kernel; ${hidden} more of this scenario`}
        title="Choose any kernel"
        onClick={() => session.store.setState({ dialog: "kernels" })}
      >
        {hidden === 0 ? "…" : `+${hidden}`}
      </button>
    </div>
  );
}
