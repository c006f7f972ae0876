import { Fragment, useLayoutEffect, useRef } from "react";
import { Panel, Separator, usePanelRef } from "react-resizable-panels";
import { InspectorPane } from "../views/inspector/InspectorPane.tsx";
import { StepsView } from "../views/steps/StepsView.tsx";
import { TimelineView } from "../views/timeline/TimelineView.tsx";
import { WhyPane } from "../views/why/WhyPane.tsx";
import css from "./app.module.css";
import { useLab } from "./context.ts";
import { KeptGroup } from "./KeptGroup.tsx";
import type { Shape } from "./shape.ts";
import { type ViewId, viewOf } from "./stage.ts";
import { View } from "./stage_views.tsx";
import { later } from "./later.tsx";
import type { PaneId } from "./state.ts";

const Tour = later(() => import("../views/tour/TourView.tsx"));

function Content({ id }: { id: Exclude<PaneId, "timeline"> }) {
  return id === "inspector" ? <InspectorPane /> : id === "why" ? <WhyPane /> : <View id={id} />;
}

/** All panes on one screen, each splitter movable by mouse and keys. A maximised pane never covers steps and timeline. */
export function Panes({ shape, left, onLeft }: { shape: Shape; left: number; onLeft: (px: number) => void }) {
  const maximised = useLab((s) => s.maximised);
  const stage = useLab((s) => s.stage);
  const tour = useLab((s) => s.tour !== null);
  const lanes = useLab(
    (s) => Math.max(0, (s.opened?.scenario.kernels.length ?? 1) - 1) + Math.max(0, s.branches.length - 1),
  );
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
  const form = stacked ? "stacked" : narrow ? "narrow" : tight ? "tight" : "wide";
  const middle =
    maximised !== null && maximised !== "timeline"
      ? ["steps", "maximised", ...(tour ? ["details"] : [])]
      : stacked
        ? ["steps", "stack"]
        : ["steps", "stage", "details"];
  const timeline = short ? 4.75 : 4.75 + lanes * 1.36 + 0.25;
  const bottom = usePanelRef();
  const made = useRef(timeline);
  useLayoutEffect(() => {
    // A branch that comes or goes is a lane more or less; otherwise the reader's own height stays.
    if (made.current === timeline) return;
    const by = timeline - made.current;
    made.current = timeline;
    const now = bottom.current?.getSize().inPixels;
    if (now !== undefined) bottom.current?.resize(now + by * shape.rem);
  }, [timeline, bottom, shape.rem]);
  return (
    <KeptGroup id={`rows ${form}`} orientation="vertical" className={css["rows"]}>
      <Panel minSize="20rem">
        <KeptGroup id={`columns ${form}${tour ? " tour" : ""}`} panelIds={middle} orientation="horizontal">
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
          {maximised !== null && maximised !== "timeline" && (
            <Panel key="maximised" id="maximised" minSize="20rem">
              <Content id={maximised} />
            </Panel>
          )}
          {maximised === null && stacked && (
            <Panel key="stack" id="stack" minSize="20rem">
              <div className={css["stack"]}>
                {tour && (
                  <div data-pane="tour" data-large="">
                    <Tour />
                  </div>
                )}
                {([...stage, "inspector", "why"] as const).map((id, i) => (
                  <div key={id} data-pane={id} data-large={i === 0 ? "" : undefined}>
                    <Content id={id} />
                  </div>
                ))}
              </div>
            </Panel>
          )}
          {maximised === null && !stacked && (
            <Panel key="stage" id="stage" minSize="34rem">
              <Stage stage={stage} />
            </Panel>
          )}
          {((maximised === null && !stacked) || (maximised !== null && tour)) && (
            <Fragment key={tour ? "beside a tour" : "beside"}>
              <Separator
                className={css["upright"]}
                aria-label={tour ? "Width of the Tour" : "Width of the Inspector"}
              />
              <Panel
                id="details"
                defaultSize={tour ? "32rem" : narrow ? "25.5rem" : "26.8rem"}
                minSize="18rem"
                maxSize="60rem"
                groupResizeBehavior="preserve-pixel-size"
              >
                <Details tour={tour} all={maximised === null} />
              </Panel>
            </Fragment>
          )}
        </KeptGroup>
      </Panel>
      <Separator className={css["ink"]} aria-label="Height of the Timeline" />
      <Panel
        id="timeline"
        panelRef={bottom}
        defaultSize={`${timeline}rem`}
        minSize="4.6rem"
        maxSize="26rem"
        groupResizeBehavior="preserve-pixel-size"
      >
        <TimelineView left={left} />
      </Panel>
    </KeptGroup>
  );
}

/** Inspector and Why; beside a tour they are below it, the Inspector as a title until it is pulled open. */
function Details({ tour, all }: { tour: boolean; all: boolean }) {
  return (
    <KeptGroup
      id={tour ? "details tour" : "details"}
      panelIds={[...(tour ? ["tour"] : []), ...(all ? ["inspector", "why"] : [])]}
      orientation="vertical"
    >
      {tour && (
        <Panel key="tour" id="tour" defaultSize="70%" minSize="14rem">
          <Tour />
        </Panel>
      )}
      {tour && all && <Separator key="below" className={css["level"]} aria-label="Height of the Tour" />}
      {all && (
        <Panel
          key="inspector"
          id="inspector"
          defaultSize={tour ? "2.25rem" : "55%"}
          minSize={tour ? "2.25rem" : "8rem"}
        >
          <InspectorPane />
        </Panel>
      )}
      {all && <Separator key="between" className={css["level"]} aria-label="Height of the Inspector" />}
      {all && (
        <Panel key="why" id="why" minSize="8rem">
          <WhyPane />
        </Panel>
      )}
    </KeptGroup>
  );
}

/** The views that were chosen: the first large, the others below it. Each place keeps its size whatever stands in it. */
function Stage({ stage }: { stage: readonly ViewId[] }) {
  const [upper, ...lower] = stage;
  if (upper === undefined) return null;
  return (
    <KeptGroup id="stage" panelIds={lower.length > 0 ? ["upper", "lower"] : ["upper"]} orientation="vertical">
      <Panel id="upper" defaultSize="56%" minSize="12rem">
        <View id={upper} />
      </Panel>
      {lower.length > 0 && (
        <>
          <Separator className={css["level"]} aria-label={`Height of ${nameOf(upper)}`} />
          <Panel id="lower" minSize="8rem">
            <KeptGroup id="lower" panelIds={lower.map((_, i) => `lower-${i}`)} orientation="horizontal">
              {lower.map((id, i) => (
                <Fragment key={PLACE[i]}>
                  {i > 0 && (
                    <Separator className={css["upright"]} aria-label={`Width of ${nameOf(lower[i - 1] ?? upper)}`} />
                  )}
                  <Panel
                    id={`lower-${i}`}
                    minSize="12rem"
                    {...(i === 0 && lower.length > 1 ? { defaultSize: "43.5%" } : {})}
                  >
                    <View id={id} />
                  </Panel>
                </Fragment>
              ))}
            </KeptGroup>
          </Panel>
        </>
      )}
    </KeptGroup>
  );
}

const PLACE = ["left", "right"];

function nameOf(id: ViewId): string {
  const { title } = viewOf(id);
  return id === "space" ? "the address space" : title;
}
