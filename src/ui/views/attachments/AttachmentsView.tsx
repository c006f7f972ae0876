import { useEffect, useMemo, useRef } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { Drawing } from "../../draw/Drawing.tsx";
import { useBox } from "../../widgets/measure.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { AttachmentsTable } from "./AttachmentsTable.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import css from "./attachments.module.css";
import { installDrag } from "./drag.ts";
import { drawAttachments } from "./draw.ts";
import { layoutAttachments } from "./layout.ts";

/** Narrower than this the drawing scrolls, rem. */
const LEAST = 25;

/** The objects of iommufd and how they hang together; a thing keeps its place from the step it appears. */
export function AttachmentsView() {
  const session = useSession();
  const frame = useLab((s) => s.frame);
  const atlas = useLab((s) => s.atlas);
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const grid = useMemo(() => (atlas === null ? null : layoutAttachments(atlas)), [atlas]);
  const drawing = useMemo(() => {
    if (frame === null || grid === null || box.width === 0) return null;
    const active = new Set(frame.addressSpace.accesses.map((a) => a.ref));
    return drawAttachments(
      frame.attachments,
      grid,
      active,
      Math.max(box.width - 2.2 * box.rem, LEAST * box.rem),
      box.height,
      box.rem,
    );
  }, [frame, grid, box]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const pick = (e: MouseEvent): void => {
      const refs = e.target instanceof Element ? e.target.closest("[data-ref]")?.getAttribute("data-ref") : null;
      const ref = refs?.split(" ")[0];
      if (ref !== undefined) session.select(ref);
    };
    element.addEventListener("click", pick);
    const stopDrag = installDrag(element, session);
    return () => {
      element.removeEventListener("click", pick);
      stopDrag();
    };
  }, [session]);
  const none = frame !== null && frame.attachments.nodes.length === 0;
  return (
    <Pane id="attachments" title="Attachments" sub={summary(frame?.attachments)} twin={<AttachmentsTable />}>
      <div ref={host} className={css["host"]} {...scrollable("Drawing of the attachments")}>
        {none && <Empty>Nothing is bound yet: no device has been given to the kernel's API.</Empty>}
        {drawing !== null && !none && (
          <Drawing
            marks={drawing.marks}
            width={Math.max(box.width - 2.2 * box.rem, LEAST * box.rem)}
            height={drawing.height}
          />
        )}
      </div>
    </Pane>
  );
}

/** `D1 to hwpt 6`: the newest attachment in words. */
function summary(
  view:
    | {
        nodes: { ref: string; title: string; kind: string }[];
        edges: { from: string; to: string; kind: string; label: string }[];
      }
    | undefined,
): string {
  if (view === undefined) return "";
  const attached = view.edges.filter((e) => e.kind === "attached");
  const title = (ref: string): string => view.nodes.find((x) => x.ref === ref)?.title ?? ref;
  const words = attached.map((e) => {
    const device = view.edges.find((m) => m.kind === "member" && m.to === e.from)?.from ?? e.from;
    const to = view.nodes.find((x) => x.ref === e.to);
    const owner = view.edges.find((l) => l.kind === "linked" && l.from === e.to)?.to;
    const home = view.nodes.find((x) => x.ref === owner);
    if (to?.kind === "domain" && home !== undefined)
      return `${title(device)} to ${home.kind === "container" ? "container fd" : home.kind} ${home.title}`;
    return `${title(device)} to hwpt ${title(e.to).replace(/^hwpt\s+/, "")}${e.label === "" ? "" : `, ${e.label}`}`;
  });
  return words.length === 0 ? "none attached" : words.join(", ");
}
