import { useEffect } from "react";
import css from "./walk.module.css";

/** Milliseconds between two reads of a walk that plays. */
const PACE = 650;

/** Back, on, and by itself through the reads of a walk. `at` null: all of them are shown. */
export function Player(props: {
  reads: number;
  at: number | null;
  playing: boolean;
  onMove: (at: number | null) => void;
  onPlay: (playing: boolean) => void;
}) {
  const { reads, at, playing, onMove, onPlay } = props;
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => {
      const next = (at ?? 0) + 1;
      onMove(Math.min(next, reads));
      if (next >= reads) onPlay(false);
    }, PACE);
    return () => clearTimeout(timer);
  }, [playing, at, reads, onMove, onPlay]);
  const none = reads === 0;
  return (
    <span className={css["player"]} role="group" aria-label="Play the walk">
      <Button
        name="Previous read"
        disabled={none || at === 1}
        path="M6.5 1 2.5 5l4 4"
        onClick={() => onMove((at ?? reads + 1) - 1)}
      />
      <span>{at === null ? `${reads} ${reads === 1 ? "read" : "reads"}` : `read ${at} of ${reads}`}</span>
      <Button
        name="Next read"
        disabled={none || at === reads}
        path="M3.5 1l4 4-4 4"
        onClick={() => onMove((at ?? 0) + 1)}
      />
      <Button
        name={playing ? "Pause the walk" : "Play the walk"}
        disabled={none}
        path={playing ? "M3 1v8M7 1v8" : "M2.5 1.2v7.6L8.6 5z"}
        filled={!playing}
        onClick={() => {
          if (!playing) onMove(at === null || at === reads ? 1 : at);
          onPlay(!playing && reads > 1);
        }}
      />
    </span>
  );
}

function Button(props: { name: string; path: string; disabled: boolean; filled?: boolean; onClick: () => void }) {
  const { name, path, disabled, filled = false, onClick } = props;
  return (
    <button type="button" aria-label={name} title={name} disabled={disabled} onClick={onClick}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        <path d={path} fill={filled ? "currentColor" : "none"} stroke="currentColor" strokeWidth={filled ? 0 : 1.5} />
      </svg>
    </button>
  );
}
