import { useLayoutEffect, useRef } from "react";
import css from "./editor.module.css";

/** The words that fit; the field above keeps the focus and says which one is active. */
export function Completions(props: {
  id: string;
  items: readonly { text: string; doc: string }[];
  active: number;
  onTake: (index: number) => void;
  style?: { left: number; top: number };
}) {
  const { id, items, active, onTake, style } = props;
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div ref={list} id={id} className={css["words"]} role="listbox" aria-label="Words that fit" style={style}>
      {items.map((item, i) => (
        <div
          key={item.text}
          id={`${id}-${i}`}
          role="option"
          tabIndex={-1}
          aria-selected={i === active}
          onPointerDown={(e) => {
            e.preventDefault();
            onTake(i);
          }}
        >
          <b>{item.text}</b>
          <small>{item.doc}</small>
        </div>
      ))}
    </div>
  );
}
