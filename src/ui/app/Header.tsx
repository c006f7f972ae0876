import { useEffect, useMemo, useState } from "react";
import { OTHER_GROUND, themeOf } from "../theme/settings.ts";
import { useLab, useSession } from "./context.ts";
import css from "./header.module.css";
import { KernelTabs } from "./KernelTabs.tsx";
import { Logo } from "./Logo.tsx";
import { isRecording, NO_LINK, tally, tallyText } from "./recording.ts";
import { useSettings } from "./settings.ts";

/** Which scenario, which kernel, which machine; link, look and help. */
export function Header({ left }: { left: number }) {
  const session = useSession();
  const scenario = useLab((s) => s.opened?.scenario);
  const machine = useLab(
    (s) => s.catalogue?.machines.find((m) => m.id === s.opened?.scenario.machine)?.title ?? s.opened?.scenario.machine,
  );
  const tour = useLab((s) => s.tour !== null);
  const [settings, change] = useSettings();
  const other = OTHER_GROUND[themeOf(settings.theme)];
  const dark = other === "light" || other === "contrast";
  const openDialog = (dialog: "help" | "scenarios"): void => session.store.setState({ dialog });
  return (
    <header className={css["header"]}>
      <div className={css["brand"]} style={{ width: left }}>
        <Logo />
        {scenario === undefined ? <h1>IOMMUFD Lab</h1> : <span>IOMMUFD Lab</span>}
      </div>
      <button
        type="button"
        className={css["scenario"]}
        hidden={scenario === undefined}
        aria-haspopup="dialog"
        aria-label={`Scenario: ${scenario?.title ?? "none"}. Open another.`}
        title={scenario?.title}
        onClick={() => openDialog("scenarios")}
      >
        <h1>{scenario?.title ?? "…"}</h1>
        <Source />
        <svg width="9" height="6" viewBox="0 0 9 6" aria-hidden="true">
          <path d="M.7.9 4.5 4.7 8.3.9" fill="none" stroke="currentColor" strokeWidth="1.3" />
        </svg>
      </button>
      <KernelTabs />
      <span className={css["machine"]} title={machine} hidden={machine === undefined || machine === ""}>
        Machine <b>{machine}</b>
      </span>
      <div className={css["actions"]}>
        <button
          type="button"
          className={css["action"]}
          aria-pressed={tour}
          aria-keyshortcuts="G"
          onClick={() => session.tours.toggle()}
        >
          Tours
        </button>
        <Share />
        <button
          type="button"
          className={css["action"]}
          aria-label={`Use the ${dark ? "light" : "dark"} theme`}
          onClick={() => change({ ...settings, theme: other })}
        >
          {dark ? "Light" : "Dark"}
        </button>
        <button type="button" className={css["action"]} aria-keyshortcuts="?" onClick={() => openDialog("help")}>
          Help<kbd>?</kbd>
        </button>
      </div>
    </header>
  );
}

/** Where the question was asked; of a recording, how far the model agrees with it. */
function Source() {
  const source = useLab((s) => s.opened?.scenario.source);
  const recording = useLab(isRecording);
  const steps = useLab((s) => (isRecording(s) ? s.frame?.steps : undefined));
  const agreement = useMemo(() => (steps === undefined ? null : tally(steps)), [steps]);
  if (!recording || agreement === null) return <small>{source}</small>;
  return (
    <span
      className={css["agreement"]}
      data-testid="agreement"
      data-differs={agreement.differ > 0 ? "" : undefined}
      title="A recording: each answer of the model is compared with the recorded kernel's"
    >
      {tallyText(agreement)}
    </span>
  );
}

/** Copies the link; the address bar holds the same. */
function Share() {
  const session = useSession();
  const nothing = useLab((s) => s.opened === null);
  const [said, say] = useState("");
  useEffect(() => {
    if (said === "") return undefined;
    const timer = setTimeout(() => say(""), 2200);
    return () => clearTimeout(timer);
  }, [said]);
  const recording = useLab(isRecording);
  const copy = async (): Promise<void> => {
    if (recording) {
      session.store.setState({ notice: NO_LINK });
      return;
    }
    const link = await session.link();
    if (link === null) return;
    const url = `${location.href.split("#")[0] ?? ""}#${link}`;
    history.replaceState(null, "", `#${link}`);
    try {
      await navigator.clipboard.writeText(url);
      say("Copied");
    } catch {
      say("In the bar");
    }
  };
  return (
    <button
      type="button"
      className={css["action"]}
      disabled={nothing}
      aria-label="Copy the link"
      title={recording ? NO_LINK : "The address bar always holds this link"}
      onClick={() => void copy()}
    >
      <span className={css["swap"]}>
        <span aria-hidden={said !== ""}>Copy link</span>
        <span role="status">{said}</span>
      </span>
    </button>
  );
}
