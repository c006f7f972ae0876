import { useLab } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { Target } from "./Target.tsx";
import { WalkGrid } from "./WalkGrid.tsx";
import { WalkTable } from "./WalkTable.tsx";
import css from "./walk.module.css";

/** One access, translated before your eyes: every memory read with its number, its address and what it held. */
export function WalkView() {
  const { value: walk, problem } = useLab((s) => s.walk);
  const title =
    walk !== null && walk.levels.length > 0 && walk.rows.some((r) => r.entry !== null && r.s2.some((x) => x !== null))
      ? "Nested walk"
      : "Walk";
  return (
    <Pane
      id="walk"
      title={title}
      sub={
        walk === null ? undefined : <Hex>{`${walk.device} 0x${walk.iova.toString(16)} ${walk.write ? "W" : "R"}`}</Hex>
      }
      actions={walk === null ? undefined : <span>{walk.reads} reads</span>}
      twin={walk === null ? undefined : <WalkTable walk={walk} />}
    >
      <div className={css["frame"]}>
        <Target />
        {walk !== null && <WalkGrid walk={walk} />}
        {walk === null && (
          <Empty>
            {problem ?? "No device can reach memory yet. Attach one, or type a device and an address above."}
          </Empty>
        )}
        {walk !== null && (
          <p className={css["end"]}>
            <b className={walk.ok ? css["ok"] : css["bad"]}>
              <Hex>{walk.end}</Hex>
            </b>
            <span title={walk.tlb}>{walk.tlb}</span>
          </p>
        )}
      </div>
    </Pane>
  );
}
