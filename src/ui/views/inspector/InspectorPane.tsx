import { useLab, useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { BitGridView } from "./BitGridView.tsx";
import { InspectorTable } from "./InspectorTable.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./inspector.module.css";
import { StructView } from "./StructView.tsx";

/** One object, down to its bits. */
export function InspectorPane() {
  const session = useSession();
  const { value, problem } = useLab((s) => s.inspected);
  const selected = useLab((s) => s.selected);
  return (
    <Pane
      id="inspector"
      title="Inspector"
      sub={value === null ? undefined : <Hex>{`${value.title} ${value.subtitle}`}</Hex>}
      actions={
        <>
          {value !== null && (
            <button
              type="button"
              className={css["clear"]}
              aria-haspopup="menu"
              title="Shift F10"
              onClick={(e) => {
                const box = e.currentTarget.getBoundingClientRect();
                session.store.setState({ menu: { ref: value.ref, x: box.left, y: box.bottom } });
              }}
            >
              actions
            </button>
          )}
          {selected !== null && (
            <button type="button" className={css["clear"]} onClick={() => session.select(null)} title="Esc">
              clear
            </button>
          )}
        </>
      }
      twin={value === null ? undefined : <InspectorTable view={value} />}
    >
      <div className={css["scroll"]} {...scrollable("Fields and bits")}>
        {value === null && <Empty>{problem ?? "Select an object anywhere to see its fields and bits."}</Empty>}
        {value !== null && value.fields.length + value.grids.length + value.structs.length === 0 && (
          <Empty>Nothing to decode yet. Run a step, or choose something in the address space.</Empty>
        )}
        {value?.grids.map((grid) => (
          <BitGridView key={`${grid.title} ${grid.address ?? ""}`} grid={grid} alone={value.grids.length === 1} />
        ))}
        {value !== null && value.fields.length > 0 && (
          <dl className={css["fields"]}>
            {value.fields.map((f) => (
              <div key={f.name} data-ref={f.ref} data-change={f.change === true ? "" : undefined}>
                <dt>{f.name}</dt>
                <dd>
                  {f.ref === undefined ? (
                    <Hex>{f.value}</Hex>
                  ) : (
                    <button type="button" onClick={() => session.select(f.ref ?? null)}>
                      <Hex>{f.value}</Hex>
                    </button>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        )}
        {value?.structs.map((s) => (
          <StructView key={s.title} struct={s} />
        ))}
      </div>
    </Pane>
  );
}
