import { useLayoutEffect, useRef } from "react";
import { Group, Panel, Separator } from "react-resizable-panels";
import { AttachmentsView } from "../views/attachments/AttachmentsView.tsx";
import { InspectorPane } from "../views/inspector/InspectorPane.tsx";
import { SpaceView } from "../views/space/SpaceView.tsx";
import { StepsView } from "../views/steps/StepsView.tsx";
import { TimelineView } from "../views/timeline/TimelineView.tsx";
import { WalkView } from "../views/walk/WalkView.tsx";
import { WhyPane } from "../views/why/WhyPane.tsx";
import css from "./app.module.css";
import { useLab } from "./context.ts";
import type { Shape } from "./shape.ts";
import type { PaneId } from "./state.ts";

const VIEWS: Record<Exclude<PaneId, "timeline">, () => React.ReactNode> = {
  space: () => <SpaceView />,
  attachments: () => <AttachmentsView />,
  walk: () => <WalkView />,
  inspector: () => <InspectorPane />,
  why: () => <WhyPane />,
};

/** All panes on one screen, each splitter movable by mouse and keys. A maximised pane never covers steps and timeline. */
export function Panes({ shape, left, onLeft }: { shape: Shape; left: number; onLeft: (px: number) => void }) {
  const maximised = useLab((s) => s.maximised);
  const lanes = useLab((s) => Math.max(0, (s.opened?.scenario.kernels.length ?? 1) - 1));
  const steps = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = steps.current;
    if (element === null) return undefined;
    const measure = (): void => onLeft(Math.round(element.getBoundingClientRect().width));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [onLeft]);
  const { narrow, tight, short, stacked } = shape;
  const timeline = short ? 4.75 : 4.75 + lanes * 1.36 + 0.25;
  return (
    <Group orientation="vertical" className={css["rows"]}>
      <Panel minSize="20rem">
        <Group orientation="horizontal">
          <Panel
            id="steps"
            elementRef={steps}
            defaultSize={narrow ? "20.5rem" : tight ? "25.4rem" : "26.6rem"}
            minSize="15rem"
            maxSize="50rem"
            groupResizeBehavior="preserve-pixel-size"
          >
            <StepsView />
          </Panel>
          <Separator className={css["upright"]} aria-label="Width of Steps" />
          {maximised !== null && maximised !== "timeline" && <Panel id="maximised">{VIEWS[maximised]()}</Panel>}
          {maximised === null && stacked && (
            <Panel id="stack" minSize="20rem">
              <div className={css["stack"]}>
                {(Object.keys(VIEWS) as (keyof typeof VIEWS)[]).map((id) => (
                  <div key={id} data-pane={id}>
                    {VIEWS[id]()}
                  </div>
                ))}
              </div>
            </Panel>
          )}
          {maximised === null && !stacked && (
            <>
              <Panel id="stage" minSize="34rem">
                <Group orientation="vertical">
                  <Panel id="upper" defaultSize="56%" minSize="12rem">
                    <SpaceView />
                  </Panel>
                  <Separator className={css["level"]} aria-label="Height of the address space" />
                  <Panel id="lower" minSize="8rem">
                    <Group orientation="horizontal">
                      <Panel id="attachments" defaultSize="43.5%" minSize="12rem">
                        <AttachmentsView />
                      </Panel>
                      <Separator className={css["upright"]} aria-label="Width of Attachments" />
                      <Panel id="walk" minSize="12rem">
                        <WalkView />
                      </Panel>
                    </Group>
                  </Panel>
                </Group>
              </Panel>
              <Separator className={css["upright"]} aria-label="Width of the Inspector" />
              <Panel
                id="details"
                defaultSize={narrow ? "25.5rem" : "26.8rem"}
                minSize="18rem"
                maxSize="60rem"
                groupResizeBehavior="preserve-pixel-size"
              >
                <Group orientation="vertical">
                  <Panel id="inspector" defaultSize="55%" minSize="8rem">
                    <InspectorPane />
                  </Panel>
                  <Separator className={css["level"]} aria-label="Height of the Inspector" />
                  <Panel id="why" minSize="8rem">
                    <WhyPane />
                  </Panel>
                </Group>
              </Panel>
            </>
          )}
        </Group>
      </Panel>
      <Separator className={css["ink"]} aria-label="Height of the Timeline" />
      <Panel
        id="timeline"
        defaultSize={`${timeline}rem`}
        minSize="4.6rem"
        maxSize="26rem"
        groupResizeBehavior="preserve-pixel-size"
      >
        <TimelineView left={left} />
      </Panel>
    </Group>
  );
}
