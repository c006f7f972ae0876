/** `lab`: the command line. Its last lines and exit codes are a contract, see README.md here. */
import { Command, CommanderError } from "commander";
import { compareCommand } from "./commands/compare.ts";
import { exploreCommand, type ExploreFlags } from "./commands/explore.ts";
import { EXPORT_VIEWS, exportCommand, type ExportFlags } from "./commands/export.ts";
import { importCommand, type ImportFlags } from "./commands/import.ts";
import { listCommand } from "./commands/list.ts";
import { rebuildCommand, type RebuildFlags } from "./commands/rebuild.ts";
import { replayCommand, type ReplayFlags } from "./commands/replay.ts";
import { runCommand } from "./commands/run.ts";
import { HOLDS, Output, Wrong, WRONG } from "./output.ts";
import { walkCommand } from "./walk.ts";

/** Options that every command takes. */
export interface Common {
  json?: boolean;
  kernel?: string;
  machine?: string;
}

const LATER: Readonly<Record<string, string>> = Object.freeze({
  grade: "grading labs",
});

export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

const STD: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Runs one call; resolves to the exit code. */
export async function main(argv: readonly string[], streams: Streams = STD): Promise<number> {
  let code = HOLDS;
  const program = new Command("lab").description("A simulator of Linux iommufd that you can look into.");
  program
    .exitOverride()
    .configureOutput({ writeOut: (t) => streams.out(t), writeErr: () => {} })
    .showHelpAfterError(false)
    .helpCommand(false);

  const command = (usage: string, what: string): Command =>
    program
      .command(usage)
      .description(what)
      .exitOverride()
      .configureOutput({ writeOut: (t) => streams.out(t), writeErr: () => {} })
      .option("--json", "print one JSON document")
      .option("--kernel <id>", "kernel to run (default: the newest release)")
      .option("--machine <id>", "machine to run on (default: the scenario's or the trace's own)");
  const output = (o: Common): Output =>
    new Output(
      o.json === true,
      (t) => streams.out(t),
      (t) => streams.err(t),
    );

  command("replay <files...>", "feed recorded traces to the engine and compare every answer")
    .option("--tables <dir>", "folder of the table dumps that an Arm trace names")
    .action(async (files: string[], o: ReplayFlags) => {
      code = await replayCommand(files, o, output(o));
    });
  command("run <scenario>", "run a scenario, one line a step, then its checks").action(
    async (scenario: string, o: Common) => {
      code = await runCommand(scenario, o, output(o));
    },
  );
  command("compare <scenario>", "run a scenario on several kernels and show where they differ")
    .requiredOption("--kernels <a,b,...>", "kernels, separated by commas")
    .action(async (scenario: string, o: Common & { kernels: string }) => {
      code = await compareCommand(scenario, o, output(o));
    });
  command("explore [scenario]", "search all short sequences for a difference of two kernels or a broken invariant")
    .option("--kernels <a,b>", "the two kernels to tell apart")
    .option("--invariant <name>", "what must hold, or several with commas: lab list invariants")
    .option("--depth <n>", "longest sequence (default: 8)")
    .option("--seconds <n>", "stop after so long (default: 120)")
    .option("--objects <kind=n,...>", "how many may live at once: ioas, hwpt, parent, viommu, nested, vdevice, fault")
    .option(
      "--ops <name,...>",
      "these alone; +name, -name: one more or less: bind, attach, detach, map, unmap, irqs, irqs-early, irqs-off, msi, dma, destroy, ranges, pasid, faults, copy, allow, dirty, info",
    )
    .option("--as <form>", "ascii: what was found as a page of 72 columns, for a mail")
    .action(async (scenario: string | undefined, o: ExploreFlags) => {
      code = await exploreCommand(scenario, o, output(o));
    });
  command("walk <files...>", "let the emulated IOMMU translate what dumps and case files expect")
    .option("--quirks <name>", "qemu: the hardware deviates from the architecture as QEMU's does")
    .action(async (files: string[], o: Common & { quirks?: string }) => {
      code = await walkCommand(files, o, output(o));
    });
  command("rebuild <files...>", "run the trace that led to a dump and compare every table word")
    .option("--trace <file>", "the trace (default: found by the dump's scenario and machine)")
    .action(async (files: string[], o: RebuildFlags) => {
      code = await rebuildCommand(files, o, output(o));
    });
  command("export <scenario>", "print a scenario, a step of it or all of it in another form")
    .requiredOption("--as <form>", "text, json, svg or ascii (72 columns, for a mail)")
    .option("--step <n>", "svg, ascii: the step (default: a strip of all steps)")
    .option("--view <name>", `svg, ascii: ${EXPORT_VIEWS.join(", ")}`)
    .action(async (scenario: string, o: ExportFlags) => {
      code = await exportCommand(scenario, o, output(o));
    });
  command("import <path>", "read a machine's folder, a trace or a scenario and print it as JSON")
    .option("--as <kind>", "machine or scenario: what it is; text: a scenario, in its text form")
    .action(async (path: string, o: ImportFlags) => {
      code = await importCommand(path, o, output(o));
    });
  command("list <what>", "list kernels, machines, scenarios, invariants or ioctls").action(
    async (what: string, o: Common) => {
      code = await listCommand(what, output(o));
    },
  );

  const early = argv[0] === undefined ? undefined : LATER[argv[0]];
  if (early !== undefined) {
    streams.err(`lab ${argv[0] ?? ""}: ${early} is not there yet\n`);
    return WRONG;
  }
  try {
    if (argv.length === 0) {
      streams.err("no command; type: lab -h\n");
      return WRONG;
    }
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (e) {
    if (e instanceof CommanderError) {
      if (e.exitCode === 0) return HOLDS;
      const where = program.commands.some((c) => c.name() === argv[0]) ? ` ${argv[0] ?? ""}` : "";
      streams.err(`${e.message.replace(/^error: /, "").replaceAll("\n", " ")}; type: lab${where} -h\n`);
      return WRONG;
    }
    if (e instanceof Wrong) {
      streams.err(`${e.message.replaceAll("\n", " ")}\n`);
      return WRONG;
    }
    throw e;
  }
}
