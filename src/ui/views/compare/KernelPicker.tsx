import { useMemo, useState } from "react";
import type { KernelInfo } from "../../../engine/views/types.ts";
import { Dialog } from "../../widgets/Dialog.tsx";
import css from "./compare.module.css";
import { kernelGroups } from "./model.ts";

/** Which kernels stand beside each other: all of the catalogue, by release and by discussion. */
export function KernelPicker(props: {
  kernels: readonly KernelInfo[];
  chosen: readonly string[];
  /** Always a column: the kernel that the other views show. */
  base: string;
  /** What the scenario itself names. */
  own: readonly string[];
  onChange: (ids: readonly string[] | null) => void;
  onClose: () => void;
}) {
  const { kernels, chosen, base, own, onChange, onClose } = props;
  const [text, setText] = useState("");
  const groups = useMemo(() => {
    const words = text.trim().toLowerCase().split(/\s+/);
    const fits = (k: KernelInfo): boolean => {
      const hay = `${k.id} ${k.title} ${k.subtitle} ${k.changes} ${k.date} ${k.objections.map((o) => o.who).join(" ")}`;
      return words.every((w) => hay.toLowerCase().includes(w));
    };
    return kernelGroups(kernels.filter(fits));
  }, [kernels, text]);
  const toggle = (id: string): void => {
    onChange(chosen.includes(id) ? chosen.filter((c) => c !== id) : [...chosen, id]);
  };
  return (
    <Dialog label="Kernels to compare" wide onClose={onClose}>
      <div className={css["picker"]}>
        <header>
          <input
            type="search"
            aria-label="Find a kernel"
            placeholder="A release, a patch, a name"
            data-first=""
            spellCheck={false}
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
          <span role="status">{chosen.length} beside each other</span>
          <button type="button" disabled={chosen.join() === own.join()} onClick={() => onChange(null)}>
            The scenario&apos;s own
          </button>
          <button type="button" onClick={onClose}>
            Done
          </button>
        </header>
        <div className={css["groups"]}>
          {groups.map((g) => (
            <fieldset key={g.title}>
              <legend>{g.title}</legend>
              {g.kernels.map((k) => (
                <label key={k.id}>
                  <input
                    type="checkbox"
                    checked={chosen.includes(k.id)}
                    disabled={k.id === base}
                    onChange={() => toggle(k.id)}
                  />
                  <b>{k.title}</b>
                  <time>{k.date}</time>
                  <span>
                    {sentence(k)}
                    {k.unknown.length > 0 && <em title={k.unknown.join("\n")}>partly unknown</em>}
                  </span>
                </label>
              ))}
            </fieldset>
          ))}
          {groups.length === 0 && <p>No kernel says that.</p>}
        </div>
      </div>
    </Dialog>
  );
}

/** One sentence: the first of what changed, else the short line of the tab. */
function sentence(k: KernelInfo): string {
  const first = /^.*?[.:;](?=\s|$)/s.exec(k.changes)?.[0] ?? k.changes;
  return first === "" ? k.subtitle : `${first.charAt(0).toUpperCase()}${first.slice(1).replace(/[;:]$/, ".")}`;
}
