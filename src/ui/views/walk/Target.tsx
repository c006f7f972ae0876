import { type FormEvent, useState } from "react";
import { useLab, useSession } from "../../app/context.ts";
import { targetOf } from "../../app/session.ts";
import { hex, parseAddress } from "../../draw/format.ts";
import css from "./walk.module.css";

/** Chooses what is walked: the presets of the step (the MSI doorbell among them) or any device and address. */
export function Target() {
  const session = useSession();
  const frame = useLab((s) => s.frame);
  const chosen = useLab((s) => s.target);
  const target = targetOf({ frame, target: chosen });
  const key = target === null ? "" : `${target.device} ${target.iova} ${target.write} ${target.pasid ?? ""}`;
  const presets = frame?.walkTargets ?? [];
  const devices = [
    ...new Set([
      ...presets.map((p) => p.device),
      ...(frame?.attachments.nodes.filter((n) => n.kind === "device").map((n) => n.title) ?? []),
    ]),
  ];
  const preset = presets.findIndex((p) => `${p.device} ${p.iova} ${p.write} ${p.pasid ?? ""}` === key);
  return (
    <form className={css["target"]} key={key} aria-label="What to walk" onSubmit={(e) => aim(e)}>
      <select
        name="preset"
        aria-label="Target"
        value={String(preset)}
        onChange={(e) => {
          const p = presets[Number(e.target.value)];
          if (p === undefined) return;
          const { device, iova, write, pasid } = p;
          const chosen = { device, iova, write, ...(pasid === undefined ? {} : { pasid }) };
          session.aim(Number(e.target.value) === frame?.walkDefault ? null : chosen);
        }}
      >
        {presets.map((p, i) => (
          <option key={`${p.label} ${p.device} ${p.iova}`} value={i}>
            {p.label}
          </option>
        ))}
        {preset < 0 && <option value="-1">{presets.length === 0 ? "no target" : "typed"}</option>}
      </select>
      <Fields
        devices={devices}
        device={target?.device ?? devices[0] ?? ""}
        iova={target === null ? "" : hex(target.iova)}
        write={target?.write ?? true}
        pasid={target?.pasid}
      />
    </form>
  );

  function aim(e: FormEvent<HTMLFormElement>): void {
    e.preventDefault();
    const data = new FormData(e.currentTarget);
    const field = (name: string): string => {
      const value = data.get(name);
      return typeof value === "string" ? value : "";
    };
    const iova = parseAddress(field("iova"));
    const pasid = readPasid(field("pasid"));
    const device = field("device");
    if (iova === null || device === "" || pasid === null) return;
    session.aim({ device, iova, write: field("direction") === "W", ...(pasid === undefined ? {} : { pasid }) });
  }
}

/** Undefined: without one; null: no such number. */
function readPasid(text: string): number | undefined | null {
  const plain = text.trim();
  if (plain === "") return undefined;
  const value = /^(0x[0-9a-fA-F]{1,5}|\d{1,7})$/.test(plain) ? Number(plain) : Number.NaN;
  return value < 2 ** 20 ? value : null;
}

function Fields(props: { devices: string[]; device: string; iova: string; write: boolean; pasid: number | undefined }) {
  const [text, setText] = useState(props.iova);
  const [pasid, setPasid] = useState(props.pasid === undefined ? "" : String(props.pasid));
  const wrong = readPasid(pasid) === null;
  const bad = text !== "" && parseAddress(text) === null;
  return (
    <>
      <select
        name="device"
        aria-label="Device"
        defaultValue={props.device}
        disabled={props.devices.length === 0}
        onChange={(e) => e.target.form?.requestSubmit()}
      >
        {props.devices.map((d) => (
          <option key={d}>{d}</option>
        ))}
      </select>
      <input
        name="iova"
        aria-label="IOVA"
        aria-invalid={bad}
        aria-describedby={bad ? "iova-problem" : undefined}
        value={text}
        placeholder="0x..."
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => setText(e.target.value)}
      />
      <select
        name="direction"
        aria-label="Direction"
        defaultValue={props.write ? "W" : "R"}
        onChange={(e) => e.target.form?.requestSubmit()}
      >
        <option value="W">write</option>
        <option value="R">read</option>
      </select>
      <input
        name="pasid"
        aria-label="PASID"
        aria-invalid={wrong}
        className={css["pasid"]}
        data-set={props.pasid === undefined ? undefined : ""}
        value={pasid}
        placeholder="PASID"
        spellCheck={false}
        autoComplete="off"
        onChange={(e) => setPasid(e.target.value)}
      />
      <button type="submit" disabled={bad || wrong || text === ""}>
        Walk
      </button>
      {bad && (
        <span id="iova-problem" role="status" className={css["problem"]}>
          An address is 0x and up to 16 hex digits.
        </span>
      )}
    </>
  );
}
