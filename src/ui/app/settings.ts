import { createContext, useContext } from "react";
import { type Settings, readSettings } from "../theme/settings.ts";

export type SettingsPair = [Settings, (settings: Settings) => void];

export const SettingsContext = createContext<SettingsPair>([readSettings(), () => undefined]);

export function useSettings(): SettingsPair {
  return useContext(SettingsContext);
}
