import { expect, it } from "vitest";
import { missingDumps } from "./files.ts";

it("knows which table dumps a trace names and did not get", () => {
  const trace = {
    name: "c.jsonl",
    text: '{"t":"header"}\n{"seq":7,"t":"tables","file":"tables/one.json","pages":2}\n{"t":"tables","file":"two.json"}\n',
  };
  expect(missingDumps([trace])).toEqual(["one", "two"]);
  expect(missingDumps([trace, { name: "one.json.gz", text: "{}" }])).toEqual(["two"]);
  expect(missingDumps([trace, { name: "two.json", text: "{}" }, { name: "one.json", text: "{}" }])).toEqual([]);
});
