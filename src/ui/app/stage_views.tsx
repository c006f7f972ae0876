/** The component behind each view of the stage. What is not on the first screen is fetched when it is first shown. */
import { Component, type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { AttachmentsView } from "../views/attachments/AttachmentsView.tsx";
import { SpaceView } from "../views/space/SpaceView.tsx";
import { WalkView } from "../views/walk/WalkView.tsx";
import { Empty, Pane } from "../widgets/Pane.tsx";
import css from "./app.module.css";
import { type ViewId, viewOf } from "./stage.ts";

const COMPONENTS: Record<ViewId, ComponentType> = {
  space: SpaceView,
  attachments: AttachmentsView,
  walk: WalkView,
  machine: lazy(() => import("../views/machine/MachineView.tsx")),
  compare: lazy(() => import("../views/compare/CompareView.tsx")),
  explore: lazy(() => import("../views/explore/ExploreView.tsx")),
};

/** One view of the stage; while its program is on the way, the pane stands with its title. */
export function View({ id }: { id: ViewId }) {
  const Shown = COMPONENTS[id];
  return (
    <Guard key={id} id={id}>
      <Suspense
        fallback={
          <Pane id={id} title={viewOf(id).title}>
            <Empty>…</Empty>
          </Pane>
        }
      >
        <Shown />
      </Suspense>
    </Guard>
  );
}

/** A view that cannot be fetched or drawn takes no other pane with it. */
class Guard extends Component<{ id: ViewId; children: ReactNode }, { why: string | null }> {
  override state: { why: string | null } = { why: null };

  static getDerivedStateFromError(error: unknown): { why: string } {
    return { why: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    const { id, children } = this.props;
    if (this.state.why === null) return children;
    return (
      <Pane id={id} title={viewOf(id).title}>
        <div className={css["state"]} role="alert">
          <p>
            This view could not be shown; the others work on. <code>{this.state.why}</code>
          </p>
          <div className={css["buttons"]}>
            <button type="button" onClick={() => this.setState({ why: null })}>
              Try again
            </button>
          </div>
        </div>
      </Pane>
    );
  }
}
