import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import { readsOf, readWords } from "./model.ts";
import { Player } from "./Player.tsx";
import { Target } from "./Target.tsx";
import { WalkGrid } from "./WalkGrid.tsx";
import { WalkTable } from "./WalkTable.tsx";
import css from "./walk.module.css";

/** Where the player stands; of another walk it is forgotten. */
interface Played {
  of: string;
  /** Number of the read; null: all of them are shown. */
  at: number | null;
  playing: boolean;
}

/** One access, translated before your eyes: every memory read with its number, its address and what it held. */
export function WalkView() {
  const session = useSession();
  const { value: walk, problem } = useLab((s) => s.walk);
  const asNow = useLab((s) => s.asNow);
  const kernel = useLab((s) => s.kernel);
  const step = useLab((s) => s.step);
  const of = walk === null ? "" : `${kernel} ${step} ${walk.title} ${walk.asNow === true}`;
  const [played, setPlayed] = useState<Played>({ of: "", at: null, playing: false });
  const { at, playing } = played.of === of ? played : { at: null, playing: false };
  const host = useRef<HTMLDivElement>(null);
  const move = useCallback(
    (to: number | null) => setPlayed((p) => ({ of, at: to, playing: p.of === of && p.playing })),
    [of],
  );
  const play = useCallback(
    (on: boolean) => setPlayed((p) => ({ of, at: p.of === of ? p.at : null, playing: on })),
    [of],
  );
  const reads = walk === null ? [] : readsOf(walk);
  const read = at === null ? null : (reads.find((r) => r.n === at) ?? null);
  const open = (n: number): void => {
    const one = reads.find((r) => r.n === n);
    if (one?.place !== undefined) session.openEntry(one.place, one.ref ?? null);
  };
  const keys = useEffectEvent((e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey || reads.length === 0) return;
    const last = reads.length;
    if (e.key === "ArrowRight" || e.key === "ArrowDown") move(Math.min(last, (at ?? 0) + 1));
    else if (e.key === "ArrowLeft" || e.key === "ArrowUp") move(Math.max(1, (at ?? last + 1) - 1));
    else if (e.key === "Home") move(1);
    else if (e.key === "End") move(last);
    else if (e.key === "Escape" && at !== null) move(null);
    else if (e.key === "Enter" && at !== null) open(at);
    else return;
    play(false);
    e.preventDefault();
    e.stopPropagation();
  });
  useEffect(() => {
    const element = host.current;
    const down = (e: KeyboardEvent): void => keys(e);
    element?.addEventListener("keydown", down);
    return () => element?.removeEventListener("keydown", down);
  }, []);
  useEffect(() => {
    if (at !== null) host.current?.querySelector("[data-now]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [at]);
  const title =
    walk !== null && walk.levels.length > 0 && walk.rows.some((r) => r.entry !== null && r.s2.some((x) => x !== null))
      ? "Nested walk"
      : "Walk";
  return (
    <Pane
      id="walk"
      title={title}
      sub={walk === null ? undefined : <Hex>{walk.title}</Hex>}
      actions={
        walk === null ? undefined : (
          <Player reads={reads.length} at={at} playing={playing} onMove={move} onPlay={play} />
        )
      }
      twin={walk === null ? undefined : <WalkTable walk={walk} />}
    >
      <div className={css["frame"]}>
        <Target />
        <div
          ref={host}
          className={css["host"]}
          {...scrollable("Reads of the walk: arrow keys play them, Enter opens one in Tables")}
        >
          {walk !== null && <WalkGrid walk={walk} at={at} onPick={open} />}
          {walk === null && (
            <Empty>
              {problem ?? "No device can reach memory yet. Attach one, or type a device and an address above."}
            </Empty>
          )}
        </div>
        {walk !== null && (
          <p className={css["end"]}>
            {read === null ? (
              <>
                <b className={walk.ok ? css["ok"] : css["bad"]}>
                  <Hex>{walk.end}</Hex>
                </b>
                <span
                  className={`${css["tlb"]} ${stale(walk) === "" ? "" : css["stale"]}`}
                  title={stale(walk) || walk.tlb}
                >
                  <Hex>{stale(walk) || walk.tlb}</Hex>
                </span>
              </>
            ) : (
              <>
                <span className={css["now"]}>
                  <Hex>{`${read.n}  ${readWords(read)}`}</Hex>
                </span>
                {read.place !== undefined && (
                  <button type="button" className={css["open"]} onClick={() => open(read.n)}>
                    in Tables
                  </button>
                )}
              </>
            )}
            <button
              type="button"
              className={css["toggle"]}
              aria-pressed={asNow}
              title="Walk as the SMMU would now, with what its TLB and its configuration cache hold; else from memory alone"
              onClick={() => session.setAsNow(!asNow)}
            >
              with TLB
            </button>
          </p>
        )}
        <p role="status" className="hidden">
          {read === null ? "" : `Read ${read.n} of ${reads.length}: ${readWords(read)}${read.ok ? "" : ", fails"}`}
        </p>
      </div>
    </Pane>
  );
}

function stale(walk: { stale?: string }): string {
  return walk.stale ?? "";
}
