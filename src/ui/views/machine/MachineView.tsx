import { useCallback, useMemo, useRef } from "react";
import type { PeerView } from "../../../engine/views/types.ts";
import { useAnswer } from "../../app/answers.ts";
import { useLab, useSession } from "../../app/context.ts";
import { hex } from "../../draw/format.ts";
import { Picture } from "../../draw/Picture.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import { drawMachine } from "./draw.ts";
import { drawPeer } from "./draw_peer.ts";
import { layoutMachine, shortened } from "./layout.ts";
import css from "./machine.module.css";
import { MachineTable } from "./MachineTable.tsx";
import { Peers } from "./Peers.tsx";

/** PCI, IOMMUs and interrupt controllers as registers and kernel have them after the step. */
export default function MachineView() {
  const session = useSession();
  const kernel = useLab((s) => s.kernel);
  const step = useLab((s) => s.step);
  const pair = useLab((s) => s.peers);
  const { value: view, problem } = useAnswer(`${kernel} ${step}`, (api) => api.machine(kernel, step));
  const peer = useAnswer(pair === null ? null : `${kernel} ${step} ${pair.from} ${pair.to}`, (api) =>
    api.peer(kernel, step, pair?.from ?? "", pair?.to ?? ""),
  );
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const at = useMemo(
    () => (view === null || box.width === 0 ? null : layoutMachine(view, box.width - 2.2 * box.rem, box.rem)),
    [view, box],
  );
  const way = pair === null ? null : peer.value;
  const marks = useMemo(() => {
    if (view === null || at === null) return [];
    const there = way !== null && [way.from, way.to, ...way.path].every((b) => b === "root" || at.rows.has(b));
    return [...drawMachine(view, at), ...(way !== null && there ? drawPeer(way, view, at) : [])];
  }, [view, at, way]);
  const pick = useCallback(
    (refs: readonly string[]) => {
      const ref = refs[0];
      if (ref !== undefined) session.select(ref);
    },
    [session],
  );
  return (
    <Pane
      id="machine"
      title="Machine"
      sub={view === null ? undefined : summary(view.functions.length, view.groups.length, view.title)}
      twin={view === null ? undefined : <MachineTable view={view} />}
    >
      <div className={css["frame"]}>
        {view !== null && <Peers view={view} />}
        <div ref={host} className={css["host"]} {...scrollable("Drawing of the machine")} data-testid="machine">
          {view === null && problem !== null && <Empty>{problem}</Empty>}
          {at !== null && <Picture marks={marks} width={at.width} height={at.height} onPick={pick} />}
        </div>
        {pair !== null && (
          <p className={css["end"]} role="status" data-testid="peer">
            {peer.problem !== null && peer.current ? peer.problem : way === null ? "…" : <Verdict peer={way} />}
          </p>
        )}
        {pair !== null &&
          view?.notes.map((text) => (
            <p key={text} className={css["note"]}>
              {text}
            </p>
          ))}
      </div>
    </Pane>
  );
}

const WORDS: Record<PeerView["end"], string> = {
  direct: "Past the IOMMU",
  redirected: "Redirected through the IOMMU",
  up: "Up, through the IOMMU",
  blocked: "Blocked",
};

function Verdict({ peer }: { peer: PeerView }) {
  return (
    <>
      <b data-bad={peer.end === "direct" || peer.end === "blocked" ? "" : undefined}>{WORDS[peer.end]}</b>
      <span>
        <Hex>{`write to ${peer.bar} at ${hex(peer.address)}. ${shortened(peer.why)}${peer.after === "" ? "" : `; ${peer.after}`}.`}</Hex>
      </span>
    </>
  );
}

function summary(functions: number, groups: number, title: string): string {
  return `${title}, ${functions} functions in ${groups} groups`;
}
