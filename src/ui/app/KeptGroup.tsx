import type { ComponentProps } from "react";
import { Group, useDefaultLayout } from "react-resizable-panels";

const PREFIX = "iommufd-lab layout ";

/** Storage may be forbidden or full: then sizes hold for this visit. */
const storage = {
  getItem(name: string): string | null {
    try {
      return localStorage.getItem(PREFIX + name);
    } catch {
      return null;
    }
  },
  setItem(name: string, value: string): void {
    try {
      localStorage.setItem(PREFIX + name, value);
    } catch {
      // As above.
    }
  },
};

type Props = Omit<ComponentProps<typeof Group>, "defaultLayout" | "id"> & { id: string; panelIds?: string[] };

/**
 * Panes beside each other whose sizes, once moved by the reader, are kept in this browser. `id` names the group, and the
 * shape of the window where that matters; `panelIds` the panes in it, when they come and go: each set has sizes of its own.
 */
export function KeptGroup({ id, panelIds, ...props }: Props) {
  const { defaultLayout, onLayoutChanged } = useDefaultLayout({
    id,
    storage,
    onlySaveAfterUserInteractions: true,
    ...(panelIds === undefined ? {} : { panelIds }),
  });
  return (
    <Group {...props} {...(defaultLayout === undefined ? {} : { defaultLayout })} onLayoutChanged={onLayoutChanged} />
  );
}
