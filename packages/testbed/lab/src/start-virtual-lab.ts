/** A laboratory in virtual time, with what it needs loaded only now: programs that only talk to a running one start faster. */
import type { LabDocument } from './document/document.ts'
import type { DeviceBehaviour } from './runtime/device-node.ts'
import type { LossPredicate } from './runtime/loss-source.ts'
import type { VirtualLab } from './runtime/virtual-lab.ts'

export type { VirtualLab }

export interface StartVirtualLabOptions {
  /** The same seed gives the same run; default 1. */
  readonly seed?: number
  /** Frames that may exist at once; default 8192. */
  readonly frames?: number
  /** Of devices: `lab.behaviours`. */
  readonly behaviours?: ReadonlyMap<string, DeviceBehaviour>
  /** Of links whose losses a function picks: `lab.predicates`. */
  readonly predicates?: ReadonlyMap<string, LossPredicate>
}

/** Rejects with a sentence where the topology has nodes that live in real time only. */
export async function startVirtualLab(
  document: LabDocument,
  options: StartVirtualLabOptions = {},
): Promise<VirtualLab> {
  const { VirtualLab: Start } = await import('./runtime/virtual-lab.ts')
  const { labProgram } = await import('./os-p4-program.ts')
  return Start.start({ document, program: labProgram, ...options })
}
