/** The command queue: what goes in, in which portions. Source: linux 7.2 arm-smmu-v3.c `arm_smmu_cmdq_*`. */
import { REG } from "../../../../hw/smmuv3/regs.ts";
import type { Kernel } from "../../kernel.ts";
import { type Cmd, cmd_op, cmd_sync, OP } from "./cmd.ts";
import type { ArmSmmuDevice, SmmuQueue } from "./device.ts";
import { smmu_read, smmu_write } from "./regs.ts";

/** Commands that a batch holds before it is issued without a sync. */
export const CMDQ_BATCH_ENTRIES = 64;

const CMDQ_ENTRY_BYTES = 16;
/** CONS: reason of a command error. */
const CERROR_SHIFT = 24;
const CERROR_MASK = 0x7f;
const CERROR_NONE = 0;
const CERROR_ILLEGAL = 1;

/** Next position; the wrap bit stands above the index. */
export function queue_next(q: SmmuQueue, position: number): number {
  return (position + 1) % 2 ** (q.log2size + 1);
}

/** Physical address of the entry at a position. */
export function queue_entry(q: SmmuQueue, position: number): number {
  return q.base + (position % 2 ** q.log2size) * 2 ** q.log2ent;
}

function write_command(k: Kernel, smmu: ArmSmmuDevice, cmd: Cmd): void {
  const at = queue_entry(smmu.cmdq, smmu.cmdq.prod);
  k.mem.write64(at, cmd[0], cmd[1]);
  k.mem.write64(at + 8, cmd[2], cmd[3]);
  smmu.cmdq.prod = queue_next(smmu.cmdq, smmu.cmdq.prod);
}

/** Queues commands, a CMD_SYNC after them when asked, and lets the SMMU work. */
export function arm_smmu_cmdq_issue_cmdlist(k: Kernel, smmu: ArmSmmuDevice, cmds: readonly Cmd[], sync: boolean): void {
  for (const cmd of cmds) write_command(k, smmu, cmd);
  if (sync) write_command(k, smmu, cmd_sync());
  smmu_write(k, smmu, smmu.cmdq.prod_reg, smmu.cmdq.prod);
  arm_smmu_cmdq_check(k, smmu);
}

export function arm_smmu_cmdq_issue_cmd(k: Kernel, smmu: ArmSmmuDevice, cmd: Cmd): void {
  arm_smmu_cmdq_issue_cmdlist(k, smmu, [cmd], false);
}

export function arm_smmu_cmdq_issue_cmd_with_sync(k: Kernel, smmu: ArmSmmuDevice, cmd: Cmd): void {
  arm_smmu_cmdq_issue_cmdlist(k, smmu, [cmd], true);
}

/** Commands collected for one portion. */
export interface CmdqBatch {
  cmds: Cmd[];
}

/** Adds to the batch; a full one is issued first, without a sync. */
export function arm_smmu_cmdq_batch_add(k: Kernel, smmu: ArmSmmuDevice, batch: CmdqBatch, cmd: Cmd): void {
  if (batch.cmds.length === CMDQ_BATCH_ENTRIES) {
    arm_smmu_cmdq_issue_cmdlist(k, smmu, batch.cmds, false);
    batch.cmds = [];
  }
  batch.cmds.push(cmd);
}

export function arm_smmu_cmdq_batch_submit(k: Kernel, smmu: ArmSmmuDevice, batch: CmdqBatch): void {
  arm_smmu_cmdq_issue_cmdlist(k, smmu, batch.cmds, true);
  batch.cmds = [];
}

/**
 * Waits for the queue to empty. The hardware here consumes at once, so commands that are left mean an error: the
 * offending one is replaced by a CMD_SYNC and the queue goes on (`__arm_smmu_cmdq_skip_err`).
 */
function arm_smmu_cmdq_check(k: Kernel, smmu: ArmSmmuDevice): void {
  const q = smmu.cmdq;
  for (;;) {
    const cons = smmu_read(k, smmu, q.cons_reg);
    q.cons = cons % 2 ** (q.log2size + 1);
    const error = (cons >>> CERROR_SHIFT) & CERROR_MASK;
    if (error === CERROR_NONE) return;
    if (error !== CERROR_ILLEGAL) {
      k.note(`CMDQ error ${error}: retried`);
      return;
    }
    const at = queue_entry(q, q.cons);
    const bad = cmd_op([k.mem.read32(at), 0, 0, 0]);
    k.note(`CMDQ error: command 0x${bad.toString(16)} is illegal, replaced by CMD_SYNC`);
    const sync = cmd_sync();
    if (bad === OP.SYNC) return;
    k.mem.write64(at, sync[0], sync[1]);
    k.mem.write64(at + 8, sync[2], sync[3]);
    arm_smmu_gerror_ack(k, smmu);
  }
}

/** Acknowledges every active global error; the command queue goes on with that. */
export function arm_smmu_gerror_ack(k: Kernel, smmu: ArmSmmuDevice): void {
  const gerror = smmu_read(k, smmu, REG.GERROR);
  smmu_write(k, smmu, REG.GERRORN, gerror);
}

/** Bytes of the commands queued between two positions, oldest first. For recordings and views. */
export function queued_commands(k: Kernel, smmu: ArmSmmuDevice, from: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = from; at !== smmu.cmdq.prod; at = queue_next(smmu.cmdq, at)) {
    const bytes = new Uint8Array(CMDQ_ENTRY_BYTES);
    k.mem.readBytes(queue_entry(smmu.cmdq, at), bytes);
    out.push(bytes);
  }
  return out;
}
