import { useCallback, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import type { TableEntry, TablesAsked, TablesView as View } from "../../../engine/views/types.ts";
import { useAnswer } from "../../app/answers.ts";
import { useLab, useSession } from "../../app/context.ts";
import { targetOf } from "../../app/session.ts";
import { Picture } from "../../draw/Picture.tsx";
import { Hex } from "../../widgets/Hex.tsx";
import { useBox } from "../../widgets/measure.ts";
import { Empty, Pane } from "../../widgets/Pane.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import { type Cursor, drawTables } from "./draw.ts";
import { layoutTables, rowY } from "./layout.ts";
import { askedOf, moved, pathWith, spokenRow, trackOfRoot } from "./model.ts";
import css from "./tables.module.css";
import { TablesBar } from "./TablesBar.tsx";
import { TablesTable } from "./TablesTable.tsx";

/** The page in hand and the row under the keyboard, of one root. */
interface Hold {
  root: string;
  focus: number | null;
  cursor: Cursor | null;
}
const NOWHERE: Hold = Object.freeze({ root: "", focus: null, cursor: null });

type Open = NonNullable<TablesAsked["open"]>[number];

/** Tables in emulated memory, a page a column, every entry decoded. */
export default function TablesView() {
  const session = useSession();
  const kernel = useLab((s) => s.kernel);
  const step = useLab((s) => s.step);
  const entry = useLab((s) => s.entry);
  const picked = useLab((s) => s.picked);
  const frame = useLab((s) => s.frame);
  const chosen = useLab((s) => s.target);
  const [open, setOpen] = useState<{ root: string; list: readonly Open[] }>({ root: "", list: [] });
  const [hold, setHold] = useState<Hold>(NOWHERE);
  const [said, say] = useState("");
  const asked = askedOf(entry, picked, targetOf({ frame, target: chosen }));
  const list = open.root === asked.root ? open.list : [];
  const key = `${kernel} ${step} ${asked.root} ${asked.path.join(".")} ${asked.at ?? ""} ${asked.pasid ?? ""} ${list.map((o) => `${o.page}.${o.first}-${o.last}`).join()}`;
  const { value: view, problem } = useAnswer(key, (api) => api.tables(kernel, step, { ...asked, open: list }));
  const host = useRef<HTMLDivElement>(null);
  const box = useBox(host);
  const deepest = view === null ? 0 : Math.max(0, Math.min(view.path.length, view.pages.length) - 1);
  const { focus, cursor } = hold.root === view?.root ? hold : NOWHERE;
  const hand = Math.min(focus ?? deepest, Math.max(0, (view?.pages.length ?? 1) - 1));
  const at = useMemo(
    () =>
      view === null || view.pages.length === 0 || box.width === 0
        ? null
        : layoutTables(view, hand, box.width - 2.2 * box.rem, box.height - 0.4 * box.rem, box.rem),
    [view, hand, box],
  );
  const marks = useMemo(() => (view === null || at === null ? [] : drawTables(view, at, cursor)), [view, at, cursor]);

  const choose = useCallback(
    (page: number, row: TableEntry): void => {
      if (view === null) return;
      setHold({ root: view.root, focus: page, cursor: { page, index: row.index } });
      setOpen((o) => ({ root: view.root, list: o.root === view.root ? o.list.filter((x) => x.page <= page) : [] }));
      session.store.setState({ entry: { root: view.root, path: pathWith(view, page, row.index) } });
      const track = trackOfRoot(view.root);
      const leaf = row.target?.label === "output" && row.range !== null && track !== null;
      session.select(
        row.refs[0] ?? null,
        leaf && row.range !== null ? { track, start: row.range.start, last: row.range.last } : null,
      );
    },
    [view, session],
  );
  const unfold = useCallback(
    (page: number, first: number, last: number): void => {
      if (view === null) return;
      setHold({ root: view.root, focus: page, cursor: { page, index: first } });
      setOpen((o) => ({ root: view.root, list: [...(o.root === view.root ? o.list : []), { page, first, last }] }));
      if (entry === null) session.store.setState({ entry: { root: view.root, path: view.path } });
    },
    [view, session, entry],
  );
  const pick = useCallback(
    (refs: readonly string[]) => {
      const m = /^@(\d+)(?:\.(f?)(\d+)(?:\.(\d+))?)?$/.exec(refs.find((r) => r.startsWith("@")) ?? "");
      if (m === null || view === null) return;
      const n = Number(m[1]);
      const row = view.pages[n]?.rows.find((r) => r.t === "entry" && r.index === Number(m[3]));
      if (m[3] === undefined) setHold({ root: view.root, focus: n, cursor: null });
      else if (m[2] === "f") unfold(n, Number(m[3]), Number(m[4]));
      else if (row?.t === "entry") choose(n, row);
    },
    [view, choose, unfold],
  );
  const keys = useEffectEvent((e: KeyboardEvent): void => {
    if (view === null || at === null || e.ctrlKey || e.metaKey || e.altKey) return;
    const page = view.pages[hand];
    if (page === undefined) return;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -9999, End: 9999 }[e.key];
    if (by !== undefined) {
      const to = moved(page, cursor, hand, by);
      if (to !== null) {
        setHold({ root: view.root, focus: hand, cursor: to });
        say(spokenRow(page, to.index));
      }
    } else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      const n = Math.max(0, Math.min(view.pages.length - 1, hand + (e.key === "ArrowLeft" ? -1 : 1)));
      setHold({ root: view.root, focus: n, cursor: { page: n, index: view.pages[n]?.picked ?? -1 } });
      say(`${view.pages[n]?.title ?? ""}, ${view.pages[n]?.sub ?? ""}`);
    } else if (e.key === "Enter" && cursor !== null) {
      const row = view.pages[cursor.page]?.rows.find((r) => (r.t === "fold" ? r.first : r.index) === cursor.index);
      if (row?.t === "fold") unfold(cursor.page, row.first, row.last);
      else if (row?.t === "entry") choose(cursor.page, row);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  });
  useEffect(() => {
    const element = host.current;
    const down = (e: KeyboardEvent): void => keys(e);
    element?.addEventListener("keydown", down);
    return () => element?.removeEventListener("keydown", down);
  }, []);
  const show = at?.columns.find((c) => c.n === (cursor?.page ?? hand));
  const wanted =
    show?.rows.findIndex((r) => (r.t === "fold" ? r.first : r.index) === (cursor?.index ?? show.page.picked)) ?? -1;
  const y = show === undefined || wanted < 0 ? -1 : rowY(show, wanted, box.rem);
  useEffect(() => {
    const element = host.current;
    if (element === null || y < 0) return;
    const room = 2 * box.rem;
    if (y < element.scrollTop + room) element.scrollTop = Math.max(0, y - 6 * box.rem);
    else if (y > element.scrollTop + element.clientHeight - room)
      element.scrollTop = y - element.clientHeight + 3 * box.rem;
  }, [y, box.rem]);
  const right = show === undefined ? -1 : show.x + show.w;
  useEffect(() => {
    const element = host.current;
    if (element !== null && right > element.scrollLeft + element.clientWidth) element.scrollLeft = right;
  }, [right]);

  const go = async (address: bigint): Promise<void> => {
    const from = view?.root ?? null;
    const got = await session.ask((api) => api.tables(kernel, step, { root: from, path: [], at: address }));
    if (got === undefined || !got.ok) return;
    setHold(NOWHERE);
    session.openEntry({ root: got.value.root, path: got.value.path }, got.value.chosen?.entry.refs[0] ?? null);
    say(got.value.end);
  };
  const changed = view?.pages.reduce((sum, p) => sum + p.changed, 0) ?? 0;
  return (
    <Pane
      id="tables"
      title="Tables"
      sub={view === null ? undefined : (view.roots.find((r) => r.ref === view.root)?.title ?? view.root)}
      actions={changed > 0 ? <span className={css["changed"]}>{changed} changed by this step</span> : undefined}
      twin={view === null ? undefined : <TablesTable view={view} onPick={choose} />}
    >
      <div className={css["frame"]}>
        {view !== null && (
          <TablesBar
            key={view.root}
            view={view}
            follows={entry === null}
            onRoot={(to) => session.openEntry({ root: to, path: [] })}
            onAddress={(address) => void go(address)}
            onFollow={() => {
              setHold(NOWHERE);
              session.openEntry(null);
            }}
          />
        )}
        <div
          ref={host}
          className={css["host"]}
          {...scrollable("Tables, a page a column: arrow keys move, Enter opens an entry")}
          data-testid="tables"
        >
          {view === null && <Empty>{problem ?? "…"}</Empty>}
          {view !== null && view.pages.length === 0 && <Empty>{view.end}</Empty>}
          {at !== null && <Picture marks={marks} width={at.width} height={at.height} onPick={pick} />}
        </div>
        {view !== null && view.pages.length > 0 && (
          <p className={css["end"]} data-bad={isBad(view) ? "" : undefined} data-testid="tables-end">
            <Hex>{view.end}</Hex>
          </p>
        )}
        <p role="status" className="hidden">
          {said}
        </p>
      </div>
    </Pane>
  );
}

/** The path ends without an address. */
function isBad(view: View): boolean {
  const entry = view.chosen?.entry;
  return view.end !== "" && entry !== undefined && (!entry.valid || entry.bad !== undefined);
}
