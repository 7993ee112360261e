/** What the references of traffic managers share: a program's blocks run on a packet by the interpreter, and what became of it and its copies. */
import type { InterpretedState, Interpreter, Program } from '@lodestone/p4'
import type { CloneSession, GroupMember } from '../target/replication.ts'

export interface ReferenceNetwork {
  readonly groups: Readonly<Record<number, readonly GroupMember[]>>
  readonly sessions: Readonly<Record<number, CloneSession>>
}

export interface ReferenceOutcome {
  readonly sent: { readonly port: number; readonly frame: Uint8Array }[]
  readonly drops: number[]
  /** Reasons that copies were dropped for before egress saw them. */
  readonly lost: number[]
}

export interface ReferencePacket extends InterpretedState {
  frame: Uint8Array
  /** A clone, or one of a group, that has not run yet. */
  readonly isCopy: boolean
}

export class ReferenceRun {
  readonly interpreter: Interpreter
  readonly program: Program
  outcome: ReferenceOutcome = { sent: [], drops: [], lost: [] }

  constructor(interpreter: Interpreter) {
    this.interpreter = interpreter
    this.program = interpreter.program
  }

  /** For the next packet of the wire. */
  begin(): void {
    this.outcome = { sent: [], drops: [], lost: [] }
    this.interpreter.applied = []
  }

  /** Runs blocks `from` up to `to`. False when the packet ended in them. */
  part(packet: ReferencePacket, from: number, to: number): boolean {
    const verdict = this.interpreter.part(packet.frame, packet, from, to)
    if (verdict?.kind === 'drop') this.outcome.drops.push(verdict.reason)
    return verdict === undefined
  }

  /** Dropped for a reason that is not the program's. */
  lose({ isCopy }: ReferencePacket, reason: number): void {
    const { drops, lost } = this.outcome
    if (isCopy) lost.push(reason)
    else drops.push(reason)
  }

  /** The block behind the one of that name. */
  after(name: string): number {
    return this.program.blocks.findIndex((block) => block.name === name) + 1
  }

  slot(name: string): number | undefined {
    return this.program.intrinsics[name]
  }

  get(packet: ReferencePacket, name: string): number {
    const slot = this.slot(name)
    return slot === undefined ? 0 : Number(packet.slots[slot]!)
  }

  set(packet: ReferencePacket, name: string, value: number): void {
    const slot = this.slot(name)
    if (slot !== undefined) packet.slots[slot] = BigInt.asUintN(this.program.slots[slot]!.width, BigInt(value))
  }
}
