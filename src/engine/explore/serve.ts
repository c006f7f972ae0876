/** The other end of a `Team`: what a worker does with the messages of the search that hired it. */
import type { ResolvedProfile } from "../kernel/profile.ts";
import { Helper } from "./helper.ts";
import { invariantById } from "./invariants/all.ts";
import type { Question } from "./question.ts";
import type { FromHelper, Setup, ToHelper } from "./team.ts";

/** Takes messages one after the other; `resolve` finds a kernel by its id. */
export function server(
  resolve: (id: string) => Promise<ResolvedProfile | undefined>,
  send: (message: FromHelper) => void,
): (message: ToHelper) => void {
  let last: Promise<Helper | null> = Promise.resolve(null);
  return (message) => {
    last = last.then(async (helper) => {
      if (message.kind === "start") {
        const made = await questionOf(message.setup, resolve);
        const started = typeof made === "string" ? made : Helper.start(made);
        if (typeof started === "string") send({ kind: "failed", why: started });
        else send({ kind: "started", objects: started.objects });
        return typeof started === "string" ? null : started;
      }
      if (helper !== null) send({ kind: "answer", answer: helper.work(message.batch) });
      return helper;
    });
    last.catch((e: unknown) => send({ kind: "failed", why: String(e) }));
  };
}

async function questionOf(
  setup: Setup,
  resolve: (id: string) => Promise<ResolvedProfile | undefined>,
): Promise<Question | string> {
  const kernels: ResolvedProfile[] = [];
  for (const id of setup.kernels) {
    const profile = await resolve(id);
    if (profile === undefined) return `no kernel ${id}`;
    kernels.push(profile);
  }
  const { universe, machine, depth, symmetry } = setup;
  const invariants = setup.invariants.flatMap((id) => invariantById(id) ?? []);
  return { universe, machine, kernels, invariants, depth, symmetry };
}
