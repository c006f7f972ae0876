import { lazy, Suspense } from "react";
import { Dialog } from "../widgets/Dialog.tsx";

const TextEditor = lazy(async () => ({ default: (await import("../editor/TextEditor.tsx")).TextEditor }));

/** The scenario as its text, to be edited; a mistake keeps the world and names its place. */
export function ScenarioText({ onClose }: { onClose: () => void }) {
  return (
    <Dialog label="The scenario as text" wide onClose={onClose}>
      <Suspense fallback={null}>
        <TextEditor onClose={onClose} />
      </Suspense>
    </Dialog>
  );
}
