import type { KernelInfo } from "../../../engine/views/types.ts";
import { useLab, useSession } from "../../app/context.ts";
import type { Place, Stop } from "../../tours/types.ts";
import { Hex } from "../../widgets/Hex.tsx";
import { scrollable } from "../../widgets/scroll.ts";
import { Answers } from "./Answers.tsx";
import { STOP_KINDS } from "./kinds.ts";
import css from "./tour.module.css";
import { useOpen } from "./useOpen.ts";

/** What a stop tells, and what there is to see of it. */
export function StopText({ stop, at, of }: { stop: Stop; at: number; of: number }) {
  const kernels = useLab((s) => s.catalogue?.kernels);
  const about = kernels?.find((k) => k.id === stop.about);
  const kind = STOP_KINDS[stop.kind];
  return (
    <div className={css["scroll"]} data-kind={stop.kind} {...scrollable("What this stop tells")}>
      <p className={css["kicker"]}>
        <b aria-hidden="true">{kind.letter}</b>
        {kind.name}
        <span>
          {at + 1} of {of}
        </span>
      </p>
      <h3>{stop.title}</h3>
      {stop.objection !== undefined && <Objection {...stop.objection} kernels={kernels ?? []} />}
      {stop.text.map((p) => (
        <p key={p} className={css["text"]}>
          <Hex>{p}</Hex>
        </p>
      ))}
      {stop.facts.length > 0 && <Facts stop={stop} kernels={kernels ?? []} />}
      {stop.answers.length > 1 && <Answers at={stop.at} kernels={stop.answers} />}
      {stop.at.columns !== undefined && <Choices at={stop.at} ids={stop.at.columns} kernels={kernels ?? []} />}
      {about !== undefined && <About kernel={about} />}
    </div>
  );
}

/** Who objected, when, to what: from the kernel's own data. */
function Objection({ kernel, who, kernels }: { kernel: string; who: string; kernels: readonly KernelInfo[] }) {
  const info = kernels.find((k) => k.id === kernel);
  const found = info?.objections.find((o) => o.who.startsWith(who));
  if (info === undefined || found === undefined) return null;
  return (
    <figure className={css["objection"]}>
      <figcaption>
        <b>{found.who}</b>
        <span>
          on {info.title}, {info.date}
        </span>
      </figcaption>
      <p>
        <Hex>{found.what}</Hex>
      </p>
      <small>
        Our paraphrase.{" "}
        {found.ref === undefined
          ? info.ref === undefined
            ? "The message is not known here."
            : `The message is not known here; the proposal: ${info.ref}.`
          : `Reference: ${found.ref}.`}
      </small>
    </figure>
  );
}

/** The kernel that a stop plays: what it changes, since when, where it was posted. */
function About({ kernel }: { kernel: KernelInfo }) {
  return (
    <dl className={css["about"]}>
      <div>
        <dt>Kernel</dt>
        <dd>
          {kernel.title}
          {kernel.subtitle !== "" && <span>, {kernel.subtitle}</span>}
        </dd>
      </div>
      <div>
        <dt>Date</dt>
        <dd>{kernel.date}</dd>
      </div>
      {kernel.ref !== undefined && (
        <div>
          <dt>Reference</dt>
          <dd className={css["ref"]}>{kernel.ref}</dd>
        </div>
      )}
    </dl>
  );
}

/** What to look at: each line brings its kernel and step on screen. */
function Facts({ stop, kernels }: { stop: Stop; kernels: readonly KernelInfo[] }) {
  const session = useSession();
  const kernel = useLab((s) => s.kernel);
  const step = useLab((s) => s.step);
  const here = useOpen(stop.at);
  return (
    <section className={css["facts"]} aria-label="What to see">
      <h4>See it</h4>
      <ul>
        {stop.facts.map((f) => {
          const shown = here && f.kernel === kernel && f.step === step;
          return (
            <li key={`${f.kernel} ${f.step}`}>
              <button
                type="button"
                aria-current={shown ? "true" : undefined}
                disabled={!here}
                onClick={() => void session.visit({ ...session.heading, kernel: f.kernel, step: f.step }, {})}
              >
                <code>{f.step}</code>
                <span>{f.says}</span>
                <small>{kernels.find((k) => k.id === f.kernel)?.title ?? f.kernel}</small>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** The alternatives to decide between; a press makes one the kernel that the others are compared with. */
function Choices({ at, ids, kernels }: { at: Place; ids: readonly string[]; kernels: readonly KernelInfo[] }) {
  const session = useSession();
  const kernel = useLab((s) => s.kernel);
  const here = useOpen(at);
  return (
    <section className={css["choices"]} aria-label="The alternatives">
      <h4>The alternatives</h4>
      <ul>
        {ids.map((id) => {
          const info = kernels.find((k) => k.id === id);
          return (
            <li key={id}>
              <button
                type="button"
                aria-current={here && id === kernel ? "true" : undefined}
                disabled={!here}
                onClick={() => session.setKernel(id)}
              >
                <b>{info?.title ?? id}</b>
                <small>{objections(info?.objections.length ?? 0)}</small>
                <span>{info?.subtitle}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function objections(n: number): string {
  return n === 0 ? "no objection known" : n === 1 ? "1 objection" : `${n} objections`;
}
