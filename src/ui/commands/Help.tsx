import { useSession } from "../app/context.ts";
import { useSettings } from "../app/settings.ts";
import { TEXTS, THEMES, type Settings } from "../theme/settings.ts";
import { Dialog } from "../widgets/Dialog.tsx";
import css from "./commands.module.css";
import { COMMANDS, type Command } from "./registry.ts";

const THEME_NAMES: Record<Settings["theme"], string> = {
  system: "as the system",
  light: "light",
  dark: "dark",
  contrast: "high contrast",
  "contrast-dark": "high contrast, dark",
};
const TEXT_NAMES: Record<Settings["text"], string> = {
  normal: "normal",
  large: "large",
  classroom: "classroom",
  double: "200 %",
};

const GROUPS: Command["group"][] = ["Steps", "Edit", "Address space", "Views", "Go", "Look"];

/** Every key, from the registry, and the few choices that belong to the reader. */
export function Help({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const [settings, change] = useSettings();
  return (
    <Dialog label="Help" wide onClose={onClose}>
      <div className={css["help"]}>
        <header>
          <h2>Keys</h2>
          <p>
            Keys go by their place on the keyboard. Wheel zooms at the pointer, Shift and wheel pans, a double click
            comes near. Drag on the whole-space line to choose a window.
          </p>
        </header>
        <div className={css["groups"]}>
          {GROUPS.map((group) => (
            <section key={group} aria-label={group}>
              <h3>{group}</h3>
              <dl>
                {COMMANDS.filter((c) => c.group === group).map((c) => (
                  <div key={c.id}>
                    <dt>
                      {c.keys.map((k) => (
                        <kbd key={k.label}>{k.label}</kbd>
                      ))}
                    </dt>
                    <dd>{c.title}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
        <footer>
          <fieldset>
            <legend>Theme</legend>
            {THEMES.map((t) => (
              <label key={t}>
                <input
                  type="radio"
                  name="theme"
                  checked={settings.theme === t}
                  onChange={() => change({ ...settings, theme: t })}
                />
                {THEME_NAMES[t]}
              </label>
            ))}
          </fieldset>
          <fieldset>
            <legend>Text</legend>
            {TEXTS.map((t) => (
              <label key={t}>
                <input
                  type="radio"
                  name="text"
                  checked={settings.text === t}
                  onChange={() => change({ ...settings, text: t })}
                />
                {TEXT_NAMES[t]}
              </label>
            ))}
          </fieldset>
          <label>
            <input
              type="checkbox"
              checked={settings.keys}
              onChange={(e) => change({ ...settings, keys: e.target.checked })}
            />
            one-key shortcuts
          </label>
          <button type="button" data-first="" onClick={() => session.store.setState({ dialog: null })}>
            Close
          </button>
        </footer>
      </div>
    </Dialog>
  );
}
