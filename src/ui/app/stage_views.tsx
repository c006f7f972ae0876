/** The component behind each view of the stage. What is not on the first screen is fetched when it is first shown. */
import {
  Component,
  type ComponentType,
  createElement,
  lazy,
  type ReactNode,
  Suspense,
  useLayoutEffect,
  useState,
} from "react";
import { AttachmentsView } from "../views/attachments/AttachmentsView.tsx";
import { SpaceView } from "../views/space/SpaceView.tsx";
import { WalkView } from "../views/walk/WalkView.tsx";
import { Empty, Pane } from "../widgets/Pane.tsx";
import css from "./app.module.css";
import { type ViewId, viewOf } from "./stage.ts";
import { ViewMenu } from "./ViewMenu.tsx";

const HERE: Partial<Record<ViewId, ComponentType>> = { space: SpaceView, attachments: AttachmentsView, walk: WalkView };

/** Each is a chunk of its own. */
const FETCHED: Partial<Record<ViewId, () => Promise<{ default: ComponentType }>>> = {
  machine: () => import("../views/machine/MachineView.tsx"),
  compare: () => import("../views/compare/CompareView.tsx"),
  explore: () => import("../views/explore/ExploreView.tsx"),
  tables: () => import("../views/tables/TablesView.tsx"),
};

const fetched = new Map<ViewId, ComponentType>();

function componentOf(id: ViewId): ComponentType {
  const here = HERE[id] ?? fetched.get(id);
  if (here !== undefined) return here;
  const load = FETCHED[id];
  if (load === undefined) throw new Error(`the view "${id}" has no component`);
  const made = lazy(load);
  fetched.set(id, made);
  return made;
}

/** One view of the stage; while its program is on the way, the pane stands with its title. */
export function View({ id }: { id: ViewId }) {
  const [attempt, setAttempt] = useState(0);
  const again = (): void => {
    // What could not be fetched is fetched anew.
    fetched.delete(id);
    setAttempt(attempt + 1);
  };
  const [focus] = useState(() => new Handover());
  return (
    <>
      <Guard key={`${id} ${attempt}`} id={id} again={again}>
        <Suspense fallback={<Waiting id={id} focus={focus} />}>
          {createElement(componentOf(id))}
          <Arrived focus={focus} />
        </Suspense>
      </Guard>
      <ViewMenu id={id} />
    </>
  );
}

/** Gives the focus that a waiting pane had to the view that takes its place, in the same moment. */
class Handover {
  /** Selector of what had the focus; empty: nothing of the pane. */
  place = "";

  leave(id: ViewId): void {
    const pane = `#pane-${id}`;
    const now = document.activeElement;
    if (now === null || now.closest(pane) === null) return;
    this.place = now.closest("h2") === null ? pane : `#title-${id} button`;
  }

  arrive(): void {
    if (this.place !== "") document.querySelector<HTMLElement>(this.place)?.focus({ preventScroll: true });
    this.place = "";
  }
}

function Arrived({ focus }: { focus: Handover }) {
  useLayoutEffect(() => focus.arrive(), [focus]);
  return null;
}

/** The pane while its program is on the way. */
function Waiting({ id, focus }: { id: ViewId; focus: Handover }) {
  useLayoutEffect(() => () => focus.leave(id), [focus, id]);
  return (
    <Pane id={id} title={viewOf(id).title}>
      <Empty>
        <span role="status">{viewOf(id).title} is being fetched…</span>
      </Empty>
    </Pane>
  );
}

/** A view that cannot be fetched or drawn takes no other pane with it. */
class Guard extends Component<{ id: ViewId; again: () => void; children: ReactNode }, { why: string | null }> {
  override state: { why: string | null } = { why: null };

  static getDerivedStateFromError(error: unknown): { why: string } {
    return { why: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { id, again, children } = this.props;
    const { why } = this.state;
    if (why === null) return children;
    const { title } = viewOf(id);
    const missing = /import|fetch|load/i.test(why);
    return (
      <Pane id={id} title={title}>
        <div className={css["state"]} role="alert">
          <h3>
            {title} could not be {missing ? "fetched" : "drawn"}
          </h3>
          <p>
            {missing
              ? "Its part of the program did not arrive: the server is out of reach, or a newer version has taken this one's place. The other views work on; reloading keeps what the address bar says."
              : "A mistake in the picture, not in your scenario. The other views work on."}
          </p>
          <p>
            <code>{why}</code>
          </p>
          <div className={css["buttons"]}>
            <button type="button" className={css["primary"]} onClick={again}>
              Try again
            </button>
            <button type="button" onClick={() => location.reload()}>
              Reload the page
            </button>
          </div>
        </div>
      </Pane>
    );
  }
}
