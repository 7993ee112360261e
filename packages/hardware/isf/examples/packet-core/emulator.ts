/**
 * The packet-processing core of `core.isf` as a state machine: one step decodes the word at the program counter with the
 * generated code and carries it out. No clock and no I/O; packets that leave are in the state. Time is counted in cycles
 * as the specification's timing says: `multi` costs a cycle for every four bytes, `async` costs ASYNC_CYCLES.
 */
import { decode, TIMING, type Instruction, type Word } from './core.ts'

export const REGISTER_COUNT = 16
export const SCRATCH_WORDS = 256
/** What waiting for a table or a port costs. */
export const ASYNC_CYCLES = 8
/** Room for headers that `push` puts before the packet, in bytes. */
const HEADROOM = 128
const LINK_REGISTER = 15

export const DropReason = {
  none: 0,
  outsidePacket: 1,
  noHeadroom: 2,
  notAnInstruction: 3,
  timeToLive: 4,
  noRoute: 5,
} as const

export type Verdict =
  | { readonly kind: 'forward'; readonly port: number; readonly packet: Uint8Array }
  | { readonly kind: 'drop'; readonly reason: number }

export interface MirroredPacket {
  readonly port: number
  readonly packet: Uint8Array
}

export interface CoreOptions {
  readonly program: ArrayLike<Word>
  /** Copied. */
  readonly packet: Uint8Array
  readonly ingressPort?: number
  /** By number: key to value. */
  readonly tables?: readonly ReadonlyMap<number, number>[]
}

export class PacketCore {
  readonly registers: Uint32Array = new Uint32Array(REGISTER_COUNT)
  readonly scratch: Uint32Array = new Uint32Array(SCRATCH_WORDS)
  readonly counters: Uint32Array = new Uint32Array(256)
  readonly mirrored: MirroredPacket[] = []
  /** Addresses (in words) at which `run` stops before the step. */
  readonly breakpoints: Set<number> = new Set()
  /** Of the next instruction, in words. */
  programCounter = 0
  cycles = 0
  /** Undefined while it runs. */
  verdict: Verdict | undefined
  readonly #program: ArrayLike<Word>
  readonly #tables: readonly ReadonlyMap<number, number>[]
  readonly #memory: Uint8Array
  #start = HEADROOM

  /** Register 15 has the port the packet came in by; the others are zero. */
  constructor({ program, packet, ingressPort = 0, tables = [] }: CoreOptions) {
    this.#program = program
    this.#tables = tables
    this.#memory = new Uint8Array(HEADROOM + packet.length)
    this.#memory.set(packet, HEADROOM)
    this.registers[LINK_REGISTER] = ingressPort
  }

  /** The packet as it is now; a copy. */
  packet(): Uint8Array {
    return this.#memory.slice(this.#start)
  }

  /** Carries out one instruction and returns it; undefined when the core has halted or halts on a word that is none. */
  step(): Instruction | undefined {
    if (this.verdict !== undefined) return undefined
    const word = this.#program[this.programCounter]
    const instruction = word === undefined ? undefined : decode(word)
    if (instruction === undefined) {
      this.#drop(DropReason.notAnInstruction)
      return undefined
    }
    this.programCounter += 1
    const timing = TIMING[instruction.kind]
    if (timing.kind === 'cycle') this.cycles += timing.count
    else if (timing.kind === 'async') this.cycles += ASYNC_CYCLES
    this.#execute(instruction)
    return instruction
  }

  /** Steps until the verdict, a breakpoint or `maxSteps`; at least one step, so that it goes on from a breakpoint. */
  run(maxSteps = 10_000): 'halted' | 'breakpoint' | 'limit' {
    for (let steps = 0; steps < maxSteps; steps++) {
      if (steps > 0 && this.breakpoints.has(this.programCounter)) return 'breakpoint'
      this.step()
      if (this.verdict !== undefined) return 'halted'
    }
    return 'limit'
  }

  #get(register: number): number {
    return this.registers[register] ?? 0
  }

  #set(register: number, value: number): void {
    this.registers[register] = value
  }

  #drop(reason: number): void {
    this.verdict = { kind: 'drop', reason }
  }

  #execute(i: Instruction): void {
    switch (i.kind) {
      case 'Add':
        return this.#set(i.dst, this.#get(i.a) + this.#get(i.b))
      case 'Sub':
        return this.#set(i.dst, this.#get(i.a) - this.#get(i.b))
      case 'And':
        return this.#set(i.dst, this.#get(i.a) & this.#get(i.b))
      case 'Or':
        return this.#set(i.dst, this.#get(i.a) | this.#get(i.b))
      case 'Xor':
        return this.#set(i.dst, this.#get(i.a) ^ this.#get(i.b))
      case 'Shl':
        return this.#set(i.dst, this.#get(i.a) << (this.#get(i.b) & 31))
      case 'Shr':
        return this.#set(i.dst, this.#get(i.a) >>> (this.#get(i.b) & 31))
      case 'Mul':
        return this.#set(i.dst, Math.imul(this.#get(i.a), this.#get(i.b)))
      case 'Slt':
        return this.#set(i.dst, this.#get(i.a) < this.#get(i.b) ? 1 : 0)
      case 'AddImmediate':
        return this.#set(i.dst, this.#get(i.a) + i.value)
      case 'SubImmediate':
        return this.#set(i.dst, this.#get(i.a) - i.value)
      case 'AndImmediate':
        return this.#set(i.dst, this.#get(i.a) & i.value)
      case 'OrImmediate':
        return this.#set(i.dst, this.#get(i.a) | i.value)
      case 'XorImmediate':
        return this.#set(i.dst, this.#get(i.a) ^ i.value)
      case 'ShlImmediate':
        return this.#set(i.dst, this.#get(i.a) << (i.value & 31))
      case 'ShrImmediate':
        return this.#set(i.dst, this.#get(i.a) >>> (i.value & 31))
      case 'MoveImmediate': {
        const kept = i.keep ? this.#get(i.dst) & (i.hi ? 0xffff : 0xffff0000) : 0
        return this.#set(i.dst, kept | (i.hi ? i.value << 16 : i.value))
      }
      case 'Move':
        return this.#set(i.dst, this.#get(i.a))
      case 'Not':
        return this.#set(i.dst, ~this.#get(i.a))
      case 'LoadByte':
        return this.#load(i.dst, this.#get(i.base) + i.offset, 1, i.little)
      case 'LoadHalf':
        return this.#load(i.dst, this.#get(i.base) + i.offset, 2, i.little)
      case 'LoadWord':
        return this.#load(i.dst, this.#get(i.base) + i.offset, 4, i.little)
      case 'StoreByte':
        return this.#store(this.#get(i.src), this.#get(i.base) + i.offset, 1, i.little)
      case 'StoreHalf':
        return this.#store(this.#get(i.src), this.#get(i.base) + i.offset, 2, i.little)
      case 'StoreWord':
        return this.#store(this.#get(i.src), this.#get(i.base) + i.offset, 4, i.little)
      case 'Length':
        return this.#set(i.dst, this.#memory.length - this.#start)
      case 'Push':
        if (i.count > this.#start) return this.#drop(DropReason.noHeadroom)
        this.#start -= i.count
        this.#memory.fill(0, this.#start, this.#start + i.count)
        return undefined
      case 'Pull':
        if (!this.#isInside(0, i.count)) return this.#drop(DropReason.outsidePacket)
        this.#start += i.count
        return undefined
      case 'ScratchLoad':
        return this.#set(i.dst, this.scratch[this.#scratchAddress(i.address, i.index)] ?? 0)
      case 'ScratchStore':
        this.scratch[this.#scratchAddress(i.address, i.index)] = this.#get(i.src)
        return undefined
      case 'Checksum':
        return this.#checksum(i.dst, this.#get(i.base), this.#get(i.count), i.raw)
      case 'Hash':
        return this.#set(i.dst, mix(this.#get(i.a), this.#get(i.b)))
      case 'Lookup': {
        const value = this.#tables[i.table]?.get(this.#get(i.key))
        if (value === undefined) this.programCounter = i.miss
        else this.#set(i.dst, value)
        return undefined
      }
      case 'BranchEqual':
        return this.#branch(this.#get(i.a) === this.#get(i.b), i.target)
      case 'BranchNotEqual':
        return this.#branch(this.#get(i.a) !== this.#get(i.b), i.target)
      case 'BranchLess':
        return this.#branch(this.#get(i.a) < this.#get(i.b), i.target)
      case 'BranchNotLess':
        return this.#branch(this.#get(i.a) >= this.#get(i.b), i.target)
      case 'Jump':
        return this.#branch(true, i.target)
      case 'Call':
        this.#set(LINK_REGISTER, this.programCounter)
        return this.#branch(true, i.target)
      case 'Return':
        return this.#branch(true, this.#get(LINK_REGISTER))
      case 'Nop':
        return undefined
      case 'Mirror':
        this.mirrored.push({ port: this.#get(i.port), packet: this.packet() })
        return undefined
      case 'Forward':
        this.verdict = { kind: 'forward', port: this.#get(i.port), packet: this.packet() }
        return undefined
      case 'Drop':
        return this.#drop(i.reason ?? DropReason.none)
      case 'Count':
        this.counters[i.counter] = (this.counters[i.counter] ?? 0) + 1
        return undefined
    }
  }

  #branch(isTaken: boolean, target: number): void {
    if (isTaken) this.programCounter = target
  }

  #scratchAddress(address: number, index: number | undefined): number {
    return (address + (index === undefined ? 0 : this.#get(index))) % SCRATCH_WORDS
  }

  #isInside(address: number, count: number): boolean {
    return this.#start + address + count <= this.#memory.length
  }

  #load(register: number, address: number, count: number, isLittle: boolean): void {
    if (!this.#isInside(address, count)) return this.#drop(DropReason.outsidePacket)
    let value = 0
    for (let byte = 0; byte < count; byte++) {
      const at = this.#start + address + (isLittle ? count - 1 - byte : byte)
      value = (value << 8) | (this.#memory[at] ?? 0)
    }
    this.#set(register, value)
  }

  #store(value: number, address: number, count: number, isLittle: boolean): void {
    if (!this.#isInside(address, count)) return this.#drop(DropReason.outsidePacket)
    for (let byte = 0; byte < count; byte++) {
      const at = this.#start + address + (isLittle ? byte : count - 1 - byte)
      this.#memory[at] = value >>> (8 * byte)
    }
  }

  #checksum(register: number, address: number, count: number, isRaw: boolean): void {
    this.cycles += Math.max(1, Math.ceil(count / 4))
    if (!this.#isInside(address, count)) return this.#drop(DropReason.outsidePacket)
    let sum = 0
    for (let byte = 0; byte < count; byte++) {
      const value = this.#memory[this.#start + address + byte] ?? 0
      sum += byte % 2 === 0 ? value << 8 : value
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
    this.#set(register, isRaw ? sum : sum ^ 0xffff)
  }
}

/** Any mixing will do: two rounds of multiply and shift. */
function mix(a: number, b: number): number {
  let value = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b)
  value ^= value >>> 15
  value = Math.imul(value, 0xc2b2ae35)
  return (value ^ (value >>> 13)) >>> 0
}
