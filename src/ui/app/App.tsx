import { lazy, type ReactNode, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { Help } from "../commands/Help.tsx";
import { installKeys } from "../commands/keys.ts";
import { Palette } from "../commands/Palette.tsx";
import { ScenarioText } from "../commands/ScenarioText.tsx";
import { Patterns } from "../draw/Patterns.tsx";
import { type Settings, applySettings, readSettings, writeSettings } from "../theme/settings.ts";
import { installMenus } from "../menu/open.ts";
import { TipProvider } from "../widgets/Tip.tsx";
import { installAddressBar } from "./address.ts";
import css from "./app.module.css";
import { SessionContext, useLab, useSession } from "./context.ts";
import { installCopying } from "./copying.ts";
import { Crashed, Failure } from "./Crashed.tsx";
import { DropZone } from "./DropZone.tsx";
import { Header } from "./Header.tsx";
import { installLinker } from "./linker.ts";
import { later } from "./later.tsx";
import { Loading } from "./Loading.tsx";
import { Notice } from "./Notice.tsx";
import { Panes } from "./Panes.tsx";
import { Printout, usePrinting } from "./Printout.tsx";
import type { Session } from "./session.ts";
import { SettingsContext, type SettingsPair, useSettings } from "./settings.ts";
import { useShape } from "./shape.ts";
import { isView, viewOf } from "./stage.ts";
import type { PaneId } from "./state.ts";

const Scenarios = later(() => import("../library/ScenarioBrowser.tsx"));
const Kernels = later(() => import("../library/KernelDialog.tsx"));

const Menu = lazy(async () => ({ default: (await import("../menu/Menu.tsx")).Menu }));

/** The whole page for one session. */
export function App({ session }: { session: Session }) {
  return (
    <SessionContext value={session}>
      <WithSettings>
        <TipProvider>
          <Failure>
            <Screen />
          </Failure>
        </TipProvider>
      </WithSettings>
    </SessionContext>
  );
}

function WithSettings({ children }: { children: ReactNode }) {
  const [settings, set] = useState<Settings>(readSettings);
  const pair = useMemo<SettingsPair>(
    () => [
      settings,
      (next) => {
        writeSettings(next);
        applySettings(next);
        set(next);
      },
    ],
    [settings],
  );
  useEffect(() => {
    const media = ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"].map((q) => matchMedia(q));
    const follow = (): void => applySettings(settings);
    for (const m of media) m.addEventListener("change", follow);
    return () => {
      for (const m of media) m.removeEventListener("change", follow);
    };
  }, [settings]);
  return <SettingsContext value={pair}>{children}</SettingsContext>;
}

function Screen() {
  const session = useSession();
  const [settings] = useSettings();
  const root = useRef<HTMLDivElement>(null);
  const phase = useLab((s) => s.phase);
  const stage = useLab((s) => s.stage);
  const maximised = useLab((s) => s.maximised);
  const dialog = useLab((s) => s.dialog);
  const spoken = useLab((s) => s.spoken);
  const menu = useLab((s) => s.menu);
  const radix = useLab((s) => s.radix);
  const tour = useLab((s) => s.tour !== null);
  const shape = useShape(settings.text);
  const [left, setLeft] = useState(300);
  const oneKey = useRef(settings.keys);
  useEffect(() => {
    oneKey.current = settings.keys;
  }, [settings.keys]);
  useEffect(() => installKeys(session, () => oneKey.current), [session]);
  useEffect(() => installAddressBar(session), [session]);
  useEffect(() => installCopying(session.store), [session]);
  useEffect(() => (root.current === null ? undefined : installMenus(root.current, session)), [session]);
  useEffect(() => (root.current === null ? undefined : installLinker(root.current, session.store)), [session]);

  useEffect(() => session.watchBusy((busy) => root.current?.toggleAttribute("data-busy", busy)), [session]);

  const printing = usePrinting();
  const close = (): void => session.store.setState({ dialog: null });
  const there = phase.name === "ready";
  return (
    <div
      ref={root}
      className={css["app"]}
      data-tight={shape.tight ? "" : undefined}
      data-narrow={shape.narrow ? "" : undefined}
      data-stacked={shape.stacked ? "" : undefined}
      data-short={shape.short ? "" : undefined}
      data-phase={phase.name}
    >
      <Patterns />
      {there && (
        <nav className={css["skips"]} aria-label="Skip to">
          {[
            ["steps", "Steps"],
            ...(tour ? [["tour", "Tour"] as const] : []),
            ...(maximised === null ? [...stage, "inspector" as const, "why" as const] : [maximised]).map((v) => [
              v,
              titleOf(v),
            ]),
            ["timeline", "Timeline"],
          ].map(([id, name]) => (
            <a
              key={id}
              href={`#pane-${id}`}
              onClick={(e) => {
                e.preventDefault();
                document.getElementById(`pane-${id}`)?.focus();
              }}
            >
              {name}
            </a>
          ))}
        </nav>
      )}
      <Header left={left} />
      <Notice />
      <main className={css["main"]}>
        {there && <Panes key={`${settings.text} ${shape.rem} ${radix}`} shape={shape} onLeft={setLeft} left={left} />}
        {menu !== null && there && (
          <Suspense fallback={null}>
            <Menu key={`${menu.ref} ${menu.x} ${menu.y}`} at={menu} />
          </Suspense>
        )}
        {(phase.name === "starting" || phase.name === "opening") && <Loading phase={phase} />}
        {phase.name === "crashed" && <Crashed why={phase.why} />}
      </main>
      <div role="status" aria-live="polite" className="hidden" data-testid="spoken">
        {spoken}
      </div>
      {printing && there && <Printout />}
      {dialog === "help" && <Help onClose={close} />}
      {dialog === "text" && <ScenarioText onClose={close} />}
      {dialog === "scenarios" && <Scenarios onClose={close} />}
      {dialog === "kernels" && <Kernels onClose={close} />}
      <DropZone />
      {(dialog === "commands" || dialog === "find") && <Palette key={dialog} purpose={dialog} onClose={close} />}
    </div>
  );
}

function titleOf(pane: PaneId): string {
  if (isView(pane)) return viewOf(pane).title;
  return pane === "why" ? "Why" : pane === "inspector" ? "Inspector" : "Timeline";
}
