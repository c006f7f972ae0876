import { useMemo } from "react";
import type { KernelInfo } from "../../engine/views/types.ts";
import { useTyped } from "../app/typed.ts";
import { Dialog } from "../widgets/Dialog.tsx";
import { fits, kernelGroups, kernelHay } from "./groups.ts";
import css from "./library.module.css";

/** All kernels of the catalogue, by release and by discussion: several of them beside each other, or one to be shown. */
export function KernelPicker(props: {
  kernels: readonly KernelInfo[];
  chosen: readonly string[];
  /** What the scenario itself names. */
  own: readonly string[];
  onClose: () => void;
  mode:
    | {
        kind: "many";
        /** Always among them: the kernel that the other views show. */
        base: string;
        onChange: (ids: readonly string[] | null) => void;
      }
    | { kind: "one"; onPick: (id: string) => void };
}) {
  const { kernels, chosen, own, onClose, mode } = props;
  const [text, setText] = useTyped();
  const groups = useMemo(() => {
    const found = kernelGroups(kernels.filter((k) => fits(kernelHay(k), text)));
    if (mode.kind === "many") return found;
    const named = own.flatMap((id) => kernels.find((k) => k.id === id && fits(kernelHay(k), text)) ?? []);
    const others = found.map(({ title, kernels: all }) => ({ title, kernels: all.filter((k) => !own.includes(k.id)) }));
    return [{ title: "Named by this scenario", kernels: named }, ...others].filter((g) => g.kernels.length > 0);
  }, [kernels, own, text, mode.kind]);
  const pick = (id: string): void => {
    if (mode.kind === "one") mode.onPick(id);
    else mode.onChange(chosen.includes(id) ? chosen.filter((c) => c !== id) : [...chosen, id]);
  };
  return (
    <Dialog label={mode.kind === "many" ? "Kernels to compare" : "Kernels"} wide onClose={onClose}>
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
          {mode.kind === "many" && (
            <>
              <span role="status">{chosen.length} beside each other</span>
              <button type="button" disabled={chosen.join() === own.join()} onClick={() => mode.onChange(null)}>
                The scenario&apos;s own
              </button>
            </>
          )}
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
                    type={mode.kind === "many" ? "checkbox" : "radio"}
                    name={mode.kind === "many" ? undefined : "kernel"}
                    checked={chosen.includes(k.id)}
                    disabled={mode.kind === "many" && k.id === mode.base}
                    onChange={() => pick(k.id)}
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
