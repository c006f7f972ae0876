/** Linux interrupts: one number for each vector that a driver asked for. */
import type { ItsState } from "./its.ts";
import type { V2mState } from "./gicv2m.ts";
import type { Kernel } from "../kernel.ts";
import type { MsiDesc } from "./msi.ts";
import type { X86IrqState } from "./x86_vector.ts";

/** Who is told when it fires; a frozen function. */
export type IrqHandler = (k: Kernel, desc: IrqDesc) => void;

export interface IrqDesc {
  /** Linux interrupt number. */
  virq: number;
  /** Number at the interrupt controller: SPI 32.., LPI 8192.. */
  intid: number;
  /** EventID at an ITS, SPI number at a GICv2m frame: the data of the message. */
  hwirq: number;
  /** bdf of the device. */
  dev: string;
  /** Vector of the device. */
  index: number;
  msi: MsiDesc;
  handler: IrqHandler | null;
  /** The handler's own state. */
  handler_data: object | null;
  /** Times it fired. */
  count: number;
}

export interface IntxAction {
  /** A frozen function; it makes the function quiet, or is called again at once. */
  handler: (k: Kernel, data: object) => void;
  data: object;
}

export class IrqState {
  /** First number that no wired interrupt has. */
  next_virq = 64;
  readonly descs = new Map<number, IrqDesc>();
  /** INTID -> desc. */
  readonly by_intid = new Map<number, IrqDesc>();
  its: ItsState | null = null;
  v2m: V2mState | null = null;
  x86: X86IrqState | null = null;
  /** bdf -> who handles the INTx of a function. Each has a wire of its own here; sharing is not modelled. */
  readonly intx = new Map<string, IntxAction>();
  /** Interrupts that arrived and that nobody had asked for. */
  spurious = 0;
}

/** Registers a vector. */
export function irq_alloc_desc(
  irq: IrqState,
  fields: Omit<IrqDesc, "virq" | "handler" | "handler_data" | "count">,
): IrqDesc {
  let virq = irq.next_virq;
  while (irq.descs.has(virq)) virq++;
  const desc: IrqDesc = { ...fields, virq, handler: null, handler_data: null, count: 0 };
  irq.descs.set(virq, desc);
  irq.by_intid.set(desc.intid, desc);
  return desc;
}

export function irq_free_desc(irq: IrqState, desc: IrqDesc): void {
  irq.descs.delete(desc.virq);
  if (irq.by_intid.get(desc.intid) === desc) irq.by_intid.delete(desc.intid);
}

export function request_irq(desc: IrqDesc, handler: IrqHandler, data: object): void {
  desc.handler = handler;
  desc.handler_data = data;
}

export function free_irq(desc: IrqDesc): void {
  desc.handler = null;
  desc.handler_data = null;
}

/** An interrupt arrived at the CPU. */
export function generic_handle_irq(k: Kernel, irq: IrqState, intid: number): void {
  const desc = irq.by_intid.get(intid);
  if (desc === undefined || desc.handler === null) {
    irq.spurious++;
    k.note(`interrupt ${intid}: nobody asked for it`);
    return;
  }
  desc.count++;
  desc.handler(k, desc);
}
