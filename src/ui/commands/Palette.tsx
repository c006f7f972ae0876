import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";
import { useSession } from "../app/context.ts";
import { useTyped } from "../app/typed.ts";
import { Dialog } from "../widgets/Dialog.tsx";
import { Hex } from "../widgets/Hex.tsx";
import css from "./commands.module.css";
import { type Purpose, addressItems, filterItems, itemsFor } from "./items.ts";

const WORDS: Record<Purpose, { label: string; placeholder: string; none: string }> = {
  commands: { label: "All commands", placeholder: "A command or a kernel", none: "No command has this name." },
  find: { label: "Find", placeholder: "A step, an object or an address", none: "Nothing of this name is on screen." },
};

const MOST = 60;

/** One list to type into: commands, or things. */
export function Palette({ purpose, onClose }: { purpose: Purpose; onClose: () => void }) {
  const session = useSession();
  const [text, setText] = useTyped();
  const [active, setActive] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const items = useMemo(() => itemsFor(purpose, session.store.getState()), [purpose, session]);
  const shown = useMemo(
    () =>
      [...(purpose === "find" ? addressItems(text, session.store.getState()) : []), ...filterItems(items, text)].slice(
        0,
        MOST,
      ),
    [items, text, purpose, session],
  );
  const words = WORDS[purpose];

  const move = (to: number): void => {
    const next = (to + shown.length) % Math.max(1, shown.length);
    setActive(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const run = (index: number): void => {
    const item = shown[index];
    if (item === undefined) return;
    onClose();
    item.run(session);
  };
  const keys = (e: KeyboardEvent): void => {
    if (e.key === "ArrowDown") move(active + 1);
    else if (e.key === "ArrowUp") move(active - 1);
    else if (e.key === "Enter") run(active);
    else return;
    e.preventDefault();
  };

  return (
    <Dialog label={words.label} onClose={onClose}>
      <input
        className={css["input"]}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={shown.length > 0 ? `${id}-${active}` : undefined}
        aria-label={words.label}
        placeholder={words.placeholder}
        data-first=""
        spellCheck={false}
        value={text}
        onChange={(e) => {
          setText(e.target.value);
          setActive(0);
        }}
        onKeyDown={keys}
      />
      <div
        ref={list}
        id={`${id}-list`}
        className={css["list"]}
        role="listbox"
        aria-label={words.label}
        data-purpose={purpose}
      >
        {shown.map((item, i) => (
          <div
            key={item.id}
            id={`${id}-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === active}
            onPointerMove={() => setActive(i)}
            onClick={() => run(i)}
            onKeyDown={keys}
          >
            <span className={item.mono === true ? css["code"] : undefined}>
              <Hex>{item.title}</Hex>
            </span>
            <small>
              <Hex>{item.detail}</Hex>
            </small>
            <i>{item.end}</i>
          </div>
        ))}
      </div>
      {shown.length === 0 && <p className={css["none"]}>{words.none}</p>}
    </Dialog>
  );
}
