/** vis-timeline with as many intervals as the address query says, each one half of its place. A page offset is a millisecond. */
import { Timeline } from "vis-timeline/standalone";
import type { PeerWindow } from "./shape.ts";

const count = Number(new URLSearchParams(location.search).get("count") ?? "1000");
const root = document.getElementById("root");
if (root !== null) {
  const items = Array.from({ length: count }, (_, i) => ({ id: i, content: "", start: i * 2, end: i * 2 + 1 }));
  const first = Math.floor(count * 0.4);
  const timeline = new Timeline(root, items, {
    start: first * 2,
    end: (first + Number(new URLSearchParams(location.search).get("seen") ?? "100")) * 2,
    height: 380,
    stack: false,
    selectable: false,
    showCurrentTime: false,
    zoomMin: 10,
  });
  timeline.on("changed", () => {
    (window as PeerWindow).peer ??= { show: (from, to) => timeline.setWindow(from * 2, to * 2, { animation: false }) };
  });
}
