/** Reading a scenario, in text or in JSON, with the code of its steps: what is not of the core comes when it is met. */
import type { Answer } from "../../protocol.ts";
import { parseScenario } from "./parse.ts";
import type { Scenario } from "./types.ts";

export async function readScenario(text: string): Promise<Answer<Scenario>> {
  if (!text.trimStart().startsWith("{")) {
    const parsed = parseScenario(text);
    if (parsed.ok) return { ok: true, value: parsed.value.scenario };
  }
  (await import("../steps/all.ts")).provideAllSteps();
  if (text.trimStart().startsWith("{")) return (await import("./json.ts")).scenarioFromJson(text);
  const parsed = parseScenario(text);
  return parsed.ok ? { ok: true, value: parsed.value.scenario } : parsed;
}
