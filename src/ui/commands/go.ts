/** Commands that bring something else on screen: tours, kernels, files. */
import type { Command } from "./registry.ts";

export const GO_COMMANDS: readonly Command[] = [
  {
    id: "tours",
    title: "Tours: open, go on, or leave",
    group: "Go",
    keys: [{ code: "KeyG", label: "G" }],
    run: (s) => s.tours.toggle(),
  },
  {
    id: "tour-next",
    title: "Next stop of the tour",
    group: "Go",
    keys: [{ code: "PageDown", label: "PgDn" }],
    run: (s) => s.tours.move(1),
    can: (s) => s.tour !== null && s.tour.id !== null,
  },
  {
    id: "tour-back",
    title: "Stop before of the tour",
    group: "Go",
    keys: [{ code: "PageUp", label: "PgUp" }],
    run: (s) => s.tours.move(-1),
    can: (s) => s.tour !== null && s.tour.id !== null,
  },
  {
    id: "kernels",
    title: "Choose any kernel",
    group: "Go",
    keys: [{ code: "KeyC", label: "C" }],
    run: (s) => s.store.setState({ dialog: "kernels" }),
    can: (s) => s.opened !== null,
  },
  {
    id: "open-file",
    title: "Open a file: scenario or recorded trace",
    group: "Go",
    keys: [{ code: "KeyO", shift: true, label: "Shift O" }],
    run: (s) => s.files.choose(),
  },
];
