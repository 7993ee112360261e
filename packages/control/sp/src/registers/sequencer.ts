/**
 * Registers of sequencer.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange, undeclared } from '@lodestone/rsf'

/** How far the rails shall come up. */
export const Target = {
  /** Standby only. */
  A2: 'Target.A2',
  /** The board's own rails, not yet the processor's. */
  A1: 'Target.A1',
  /** Everything. */
  A0: 'Target.A0',
} as const
export type Target = (typeof Target)[keyof typeof Target]

/** The bits of a value of Target. Throws RangeError for what is none. */
export function encodeTarget(value: Target): number {
  switch (value) {
    case 'Target.A2':
      return 0x0
    case 'Target.A1':
      return 0x1
    case 'Target.A0':
      return 0x2
    default:
      throw undeclared(value, 'Target')
  }
}

/** The value with these 2 bits, or undefined when none is declared. */
export function decodeTarget(raw: number): Target | undefined {
  switch (raw) {
    case 0x0:
      return 'Target.A2'
    case 0x1:
      return 'Target.A1'
    case 0x2:
      return 'Target.A0'
    default:
      return undefined
  }
}

/** Where the sequence is. */
export const Stage = {
  /** Standby only. */
  Idle: 'Stage.Idle',
  /** Group A is on its way. */
  RampA: 'Stage.RampA',
  /** Group A is good: A1. */
  GoodA: 'Stage.GoodA',
  /** Group B is on its way. */
  RampB: 'Stage.RampB',
  /** Group C, the processor's own rails, is on its way. */
  RampC: 'Stage.RampC',
  /** Everything is good: A0. */
  Up: 'Stage.Up',
  /** Everything is good and the hot-plug rails are too: A0PlusHP. */
  UpHotPlug: 'Stage.UpHotPlug',
  /** The processor ended its power by overheating. */
  ThermTrip: 'Stage.ThermTrip',
  /** The processor was reset behind the sequencer's back. */
  HostReset: 'Stage.HostReset',
  /** A rail fell or never came; everything is off. */
  Fault: 'Stage.Fault',
} as const
export type Stage = (typeof Stage)[keyof typeof Stage]

/** The bits of a value of Stage. Throws RangeError for what is none. */
export function encodeStage(value: Stage): number {
  switch (value) {
    case 'Stage.Idle':
      return 0x0
    case 'Stage.RampA':
      return 0x1
    case 'Stage.GoodA':
      return 0x2
    case 'Stage.RampB':
      return 0x3
    case 'Stage.RampC':
      return 0x4
    case 'Stage.Up':
      return 0x5
    case 'Stage.UpHotPlug':
      return 0x6
    case 'Stage.ThermTrip':
      return 0x7
    case 'Stage.HostReset':
      return 0x8
    case 'Stage.Fault':
      return 0x9
    default:
      throw undeclared(value, 'Stage')
  }
}

/** The value with these 4 bits, or undefined when none is declared. */
export function decodeStage(raw: number): Stage | undefined {
  switch (raw) {
    case 0x0:
      return 'Stage.Idle'
    case 0x1:
      return 'Stage.RampA'
    case 0x2:
      return 'Stage.GoodA'
    case 0x3:
      return 'Stage.RampB'
    case 0x4:
      return 'Stage.RampC'
    case 0x5:
      return 'Stage.Up'
    case 0x6:
      return 'Stage.UpHotPlug'
    case 0x7:
      return 'Stage.ThermTrip'
    case 0x8:
      return 'Stage.HostReset'
    case 0x9:
      return 'Stage.Fault'
    default:
      return undefined
  }
}

/** What sits in the processor's socket. */
export const Processor = {
  /** Nothing. */
  Absent: 'Processor.Absent',
  /** The kind that this board is made for. */
  Known: 'Processor.Known',
  /** Another kind. */
  Unknown: 'Processor.Unknown',
} as const
export type Processor = (typeof Processor)[keyof typeof Processor]

/** The bits of a value of Processor. Throws RangeError for what is none. */
export function encodeProcessor(value: Processor): number {
  switch (value) {
    case 'Processor.Absent':
      return 0x0
    case 'Processor.Known':
      return 0x1
    case 'Processor.Unknown':
      return 0x2
    default:
      throw undeclared(value, 'Processor')
  }
}

/** The value with these 2 bits, or undefined when none is declared. */
export function decodeProcessor(raw: number): Processor | undefined {
  switch (raw) {
    case 0x0:
      return 'Processor.Absent'
    case 0x1:
      return 'Processor.Known'
    case 0x2:
      return 'Processor.Unknown'
    default:
      return undefined
  }
}

/** Where a rail is. */
export const RailState = {
  /** No voltage is asked for. */
  Off: 'RailState.Off',
  /** The voltage is on its way. */
  Ramping: 'RailState.Ramping',
  /** The voltage is within limits. */
  Good: 'RailState.Good',
  /** The voltage fell or never came. */
  Faulted: 'RailState.Faulted',
} as const
export type RailState = (typeof RailState)[keyof typeof RailState]

/** The bits of a value of RailState. Throws RangeError for what is none. */
export function encodeRailState(value: RailState): number {
  switch (value) {
    case 'RailState.Off':
      return 0x0
    case 'RailState.Ramping':
      return 0x1
    case 'RailState.Good':
      return 0x2
    case 'RailState.Faulted':
      return 0x3
    default:
      throw undeclared(value, 'RailState')
  }
}

/** The value with these 2 bits. */
export function decodeRailState(raw: number): RailState {
  switch (raw) {
    case 0x0:
      return 'RailState.Off'
    case 0x1:
      return 'RailState.Ramping'
    case 0x2:
      return 'RailState.Good'
    default:
      return 'RailState.Faulted'
  }
}

/** The group in which a rail comes up. */
export const Group = {
  /** The board's own rails: A1. */
  A: 'Group.A',
  /** Memory and input/output. */
  B: 'Group.B',
  /** The processor's own rails. */
  C: 'Group.C',
  /** Not fitted on this board. */
  None: 'Group.None',
} as const
export type Group = (typeof Group)[keyof typeof Group]

/** The bits of a value of Group. Throws RangeError for what is none. */
export function encodeGroup(value: Group): number {
  switch (value) {
    case 'Group.A':
      return 0x0
    case 'Group.B':
      return 0x1
    case 'Group.C':
      return 0x2
    case 'Group.None':
      return 0x3
    default:
      throw undeclared(value, 'Group')
  }
}

/** The value with these 2 bits. */
export function decodeGroup(raw: number): Group {
  switch (raw) {
    case 0x0:
      return 'Group.A'
    case 0x1:
      return 'Group.B'
    case 0x2:
      return 'Group.C'
    default:
      return 'Group.None'
  }
}

/** Who answers on the bus; a bus on which nobody answers reads as ones. */
export class Identity {
  /** After a reset. */
  static readonly RESET = 0x5e9a0001
  readonly #raw: number

  constructor(raw: number = Identity.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Version of the design. */
  get version(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  /** Always 0x5e9a. */
  get magic(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  toString(): string {
    return `Identity(0x${this.raw.toString(16)}) version=${this.version} magic=${this.magic}`
  }
}

/** What is asked for. */
export class Control {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [['nmi', 'access', 'pulse']] as const
  readonly #raw: number

  constructor(raw: number = Control.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** How far the rails shall come up. */
  get target(): Target | undefined {
    return decodeTarget(this.#raw & 0x3)
  }

  /** The bits of target, declared or not. */
  get targetRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  /** Power for what can be plugged while the host runs; only in A0. */
  get hotPlug(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  /** Power for the fans in A2. */
  get fans(): boolean {
    return (this.#raw & 0x20) !== 0
  }

  /** Asks the processor to run slowly. */
  get throttle(): boolean {
    return (this.#raw & 0x40) !== 0
  }

  toString(): string {
    return `Control(0x${this.raw.toString(16)}) target=${this.target} hotPlug=${this.hotPlug} fans=${this.fans} throttle=${this.throttle}`
  }
}

/** What was reached. */
export class Status {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Status.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the sequence is. */
  get stage(): Stage | undefined {
    return decodeStage(this.#raw & 0xf)
  }

  /** The bits of stage, declared or not. */
  get stageRaw(): Bits<4> {
    return (this.#raw & 0xf) as Bits<4>
  }

  /** The rail that fell or never came, for a fault. */
  get rail(): Bits<4> {
    return ((this.#raw >>> 4) & 0xf) as Bits<4>
  }

  /** The fans have power. */
  get fans(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  /** The host's processor has power. */
  get host(): boolean {
    return (this.#raw & 0x200) !== 0
  }

  /** Times the host got power since standby came. */
  get starts(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  toString(): string {
    return `Status(0x${this.raw.toString(16)}) stage=${this.stage} rail=${this.rail} fans=${this.fans} host=${this.host} starts=${this.starts}`
  }
}

/** Events; each stays, and holds the interrupt line, until it is cleared by writing 1. */
export class Events {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [
    ['stage', 'access', 'w1c'],
    ['rail_lost', 'access', 'w1c'],
    ['therm_trip', 'access', 'w1c'],
    ['host_reset', 'access', 'w1c'],
    ['brown_out', 'access', 'w1c'],
  ] as const
  readonly #raw: number

  constructor(raw: number = Events.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * The sequence reached another stage.
   * (Access: w1c.)
   */
  get stage(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  /**
   * A rail fell while it was good.
   * (Access: w1c.)
   */
  get railLost(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  /**
   * The processor ended its power by overheating.
   * (Access: w1c.)
   */
  get thermTrip(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  /**
   * The processor was reset behind the sequencer's back.
   * (Access: w1c.)
   */
  get hostReset(): boolean {
    return (this.#raw & 0x8) !== 0
  }

  /**
   * The supply sagged.
   * (Access: w1c.)
   */
  get brownOut(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  toString(): string {
    return `Events(0x${this.raw.toString(16)}) stage=${this.stage} railLost=${this.railLost} thermTrip=${this.thermTrip} hostReset=${this.hostReset} brownOut=${this.brownOut}`
  }
}

/** The host's processor. */
export class Host {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Host.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What sits in its socket. */
  get processor(): Processor | undefined {
    return decodeProcessor(this.#raw & 0x3)
  }

  /** The bits of processor, declared or not. */
  get processorRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  /** It runs slowly because it is hot or was asked to. */
  get throttled(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  /** Non-maskable interrupts that it was sent. */
  get nmis(): Bits<8> {
    return ((this.#raw >>> 8) & 0xff) as Bits<8>
  }

  toString(): string {
    return `Host(0x${this.raw.toString(16)}) processor=${this.processor} throttled=${this.throttled} nmis=${this.nmis}`
  }
}

/** Standby rails and what shares them. */
export class Standby {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Standby.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Millivolts of the supply. */
  get supply(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  /** The supply is within limits. */
  get good(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  toString(): string {
    return `Standby(0x${this.raw.toString(16)}) supply=${this.supply} good=${this.good}`
  }
}

/** What is measured at a rail. */
export class RailStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = RailStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the rail is. */
  get state(): RailState {
    return decodeRailState(this.#raw & 0x3)
  }

  /** Millivolts. */
  get millivolts(): Bits<14> {
    return ((this.#raw >>> 2) & 0x3fff) as Bits<14>
  }

  /** Tenths of an ampere. */
  get deciamperes(): Bits<14> {
    return ((this.#raw >>> 16) & 0x3fff) as Bits<14>
  }

  toString(): string {
    return `RailStatus(0x${this.raw.toString(16)}) state=${this.state} millivolts=${this.millivolts} deciamperes=${this.deciamperes}`
  }
}

/** What a rail is for. */
export class RailProfile {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = RailProfile.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** When it comes up. */
  get group(): Group {
    return decodeGroup(this.#raw & 0x3)
  }

  /** Millivolts it shall have. */
  get nominal(): Bits<14> {
    return ((this.#raw >>> 2) & 0x3fff) as Bits<14>
  }

  /** Milliseconds it takes to come up. */
  get rampMs(): Bits<12> {
    return ((this.#raw >>> 16) & 0xfff) as Bits<12>
  }

  toString(): string {
    return `RailProfile(0x${this.raw.toString(16)}) group=${this.group} nominal=${this.nominal} rampMs=${this.rampMs}`
  }
}

/** How many codes the host has shown. */
export class PostCount {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = PostCount.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Since it got power. */
  get count(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  toString(): string {
    return `PostCount(0x${this.raw.toString(16)}) count=${this.count}`
  }
}

/** One code by which a host that starts shows how far it is. */
export class PostCode {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = PostCode.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What it means is the host's own affair. */
  get code(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  toString(): string {
    return `PostCode(0x${this.raw.toString(16)}) code=${this.code}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const identityClass = Identity
const controlClass = Control
const statusClass = Status
const eventsClass = Events
const hostClass = Host
const standbyClass = Standby
const railStatusClass = RailStatus
const railProfileClass = RailProfile
const postCountClass = PostCount
const postCodeClass = PostCode

/** Fields of Control that can be written. */
export interface ControlFields {
  /** How far the rails shall come up. */
  readonly target?: Target
  /** Power for what can be plugged while the host runs; only in A0. */
  readonly hotPlug?: boolean
  /** Power for the fans in A2. */
  readonly fans?: boolean
  /** Asks the processor to run slowly. */
  readonly throttle?: boolean
  /**
   * Tells the processor of an event that it cannot mask.
   * (Access: pulse.)
   */
  readonly nmi?: boolean
}

// On the bits themselves: no value is made for it.
function patchControl(raw: number, fields: ControlFields): number {
  let bits = raw
  {
    const field = fields.target
    if (field !== undefined) {
      bits =
        (bits & ~0x3) |
        (field === 'Target.A2' ? 0x0 : field === 'Target.A1' ? 0x1 : field === 'Target.A0' ? 0x2 : encodeTarget(field))
    }
  }
  {
    const field = fields.hotPlug
    if (field !== undefined) {
      bits = field ? bits | 0x10 : bits & ~0x10
    }
  }
  {
    const field = fields.fans
    if (field !== undefined) {
      bits = field ? bits | 0x20 : bits & ~0x20
    }
  }
  {
    const field = fields.throttle
    if (field !== undefined) {
      bits = field ? bits | 0x40 : bits & ~0x40
    }
  }
  {
    const field = fields.nmi
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  return bits >>> 0
}

/** Fields of Events that can be written. */
export interface EventsFields {
  /**
   * The sequence reached another stage.
   * (Access: w1c.)
   */
  readonly stage?: boolean
  /**
   * A rail fell while it was good.
   * (Access: w1c.)
   */
  readonly railLost?: boolean
  /**
   * The processor ended its power by overheating.
   * (Access: w1c.)
   */
  readonly thermTrip?: boolean
  /**
   * The processor was reset behind the sequencer's back.
   * (Access: w1c.)
   */
  readonly hostReset?: boolean
  /**
   * The supply sagged.
   * (Access: w1c.)
   */
  readonly brownOut?: boolean
}

// On the bits themselves: no value is made for it.
function patchEvents(raw: number, fields: EventsFields): number {
  let bits = raw
  {
    const field = fields.stage
    if (field !== undefined) {
      bits = field ? bits | 0x1 : bits & ~0x1
    }
  }
  {
    const field = fields.railLost
    if (field !== undefined) {
      bits = field ? bits | 0x2 : bits & ~0x2
    }
  }
  {
    const field = fields.thermTrip
    if (field !== undefined) {
      bits = field ? bits | 0x4 : bits & ~0x4
    }
  }
  {
    const field = fields.hostReset
    if (field !== undefined) {
      bits = field ? bits | 0x8 : bits & ~0x8
    }
  }
  {
    const field = fields.brownOut
    if (field !== undefined) {
      bits = field ? bits | 0x10 : bits & ~0x10
    }
  }
  return bits >>> 0
}

/** Reaches a Identity. */
export class IdentityRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Identity {
    return new identityClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Control. */
export class ControlRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Control {
    return new controlClass(this.#platform.read(this.address, 32))
  }

  write(value: Control): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: ControlFields): void {
    this.#platform.write(this.address, patchControl((Control.RESET & ~0x100) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: ControlFields): void {
    this.#platform.write(this.address, patchControl((this.#platform.read(this.address, 32) & ~0x100) >>> 0, fields), 32)
  }
}

/** Reaches a Status. */
export class StatusRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Status {
    return new statusClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Events. */
export class EventsRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Events {
    return new eventsClass(this.#platform.read(this.address, 32))
  }

  write(value: Events): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: EventsFields): void {
    this.#platform.write(this.address, patchEvents((Events.RESET & ~0x1f) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: EventsFields): void {
    this.#platform.write(this.address, patchEvents((this.#platform.read(this.address, 32) & ~0x1f) >>> 0, fields), 32)
  }
}

/** Reaches a Host. */
export class HostRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Host {
    return new hostClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Standby. */
export class StandbyRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Standby {
    return new standbyClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a RailStatus. */
export class RailStatusRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): RailStatus {
    return new railStatusClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a RailProfile. */
export class RailProfileRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): RailProfile {
    return new railProfileClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a PostCount. */
export class PostCountRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): PostCount {
    return new postCountClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a PostCode. */
export class PostCodeRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): PostCode {
    return new postCodeClass(this.#platform.read(this.address, 32))
  }
}

/** One power rail. */
export class RailBlock {
  /** In bytes. */
  readonly address: number
  /** What is measured. */
  readonly status: RailStatusRegister
  /** What it is for. */
  readonly profile: RailProfileRegister

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.status = new RailStatusRegister(platform, address)
    this.profile = new RailProfileRegister(platform, address + 0x4)
  }
}

/** Everything that the service processor sees of the sequencer. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  /** Who answers on the bus. */
  readonly identity: IdentityRegister
  /** What is asked for. */
  readonly control: ControlRegister
  /** What was reached. */
  readonly status: StatusRegister
  /** What happened since somebody looked. */
  readonly events: EventsRegister
  /** The host's processor. */
  readonly host: HostRegister
  /** Standby rails and what shares them. */
  readonly standby: StandbyRegister
  readonly railsCount = 8
  readonly #rails: RailBlock[] = []
  /** How many codes the host has shown since it got power. */
  readonly postCount: PostCountRegister
  readonly postCodesCount = 16
  readonly #postCodes: PostCodeRegister[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
    this.identity = new IdentityRegister(platform, address)
    this.control = new ControlRegister(platform, address + 0x4)
    this.status = new StatusRegister(platform, address + 0x8)
    this.events = new EventsRegister(platform, address + 0xc)
    this.host = new HostRegister(platform, address + 0x10)
    this.standby = new StandbyRegister(platform, address + 0x14)
    this.postCount = new PostCountRegister(platform, address + 0x80)
  }

  /**
   * The rails, in the order in which they come up.
   * Index 0 to 7; throws RangeError for another.
   */
  rails(index: number): RailBlock {
    const known = this.#rails[index]
    if (known !== undefined) return known
    indexIn(index, 8, 'MainBlock.rails')
    return (this.#rails[index] = new RailBlock(this.#platform, this.address + 0x40 + index * 0x8))
  }

  /**
   * The last codes that the host has shown: the n-th in place n modulo 16.
   * Index 0 to 15; throws RangeError for another.
   */
  postCodes(index: number): PostCodeRegister {
    const known = this.#postCodes[index]
    if (known !== undefined) return known
    indexIn(index, 16, 'MainBlock.postCodes')
    return (this.#postCodes[index] = new PostCodeRegister(this.#platform, this.address + 0xc0 + index * 0x4))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function sequencerClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Identity: every field, both ways. */
export class SimulatedIdentity {
  /** After a reset. */
  static readonly RESET = 0x5e9a0001
  #raw: number

  constructor(raw: number = SimulatedIdentity.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Version of the design. */
  get version(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  set version(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedIdentity.version')
    this.#raw = (this.#raw & ~0xffff) | value
  }

  /** Always 0x5e9a. */
  get magic(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  set magic(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedIdentity.magic')
    this.#raw = (this.#raw & ~0xffff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedIdentity(0x${this.raw.toString(16)}) version=${this.version} magic=${this.magic}`
  }
}

/** What a simulated device sees of Control: every field, both ways. */
export class SimulatedControl {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedControl.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** How far the rails shall come up. */
  get target(): Target | undefined {
    return decodeTarget(this.#raw & 0x3)
  }

  /** The bits of target, declared or not. */
  get targetRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  set target(value: Target) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'Target.A2' ? 0x0 : value === 'Target.A1' ? 0x1 : value === 'Target.A0' ? 0x2 : encodeTarget(value))
  }

  /** Power for what can be plugged while the host runs; only in A0. */
  get hotPlug(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  set hotPlug(value: boolean) {
    this.#raw = value ? this.#raw | 0x10 : this.#raw & ~0x10
  }

  /** Power for the fans in A2. */
  get fans(): boolean {
    return (this.#raw & 0x20) !== 0
  }

  set fans(value: boolean) {
    this.#raw = value ? this.#raw | 0x20 : this.#raw & ~0x20
  }

  /** Asks the processor to run slowly. */
  get throttle(): boolean {
    return (this.#raw & 0x40) !== 0
  }

  set throttle(value: boolean) {
    this.#raw = value ? this.#raw | 0x40 : this.#raw & ~0x40
  }

  /**
   * Tells the processor of an event that it cannot mask.
   * (Access: pulse.)
   */
  get nmi(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set nmi(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  toString(): string {
    return `SimulatedControl(0x${this.raw.toString(16)}) target=${this.target} hotPlug=${this.hotPlug} fans=${this.fans} throttle=${this.throttle} nmi=${this.nmi}`
  }
}

/** What a simulated device sees of Status: every field, both ways. */
export class SimulatedStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the sequence is. */
  get stage(): Stage | undefined {
    return decodeStage(this.#raw & 0xf)
  }

  /** The bits of stage, declared or not. */
  get stageRaw(): Bits<4> {
    return (this.#raw & 0xf) as Bits<4>
  }

  set stage(value: Stage) {
    this.#raw = (this.#raw & ~0xf) | encodeStage(value)
  }

  /** The rail that fell or never came, for a fault. */
  get rail(): Bits<4> {
    return ((this.#raw >>> 4) & 0xf) as Bits<4>
  }

  set rail(value: BitsInput<4>) {
    if ((value & 0xf) !== value) throw outOfRange(value, 4, 'SimulatedStatus.rail')
    this.#raw = (this.#raw & ~0xf0) | (value << 4)
  }

  /** The fans have power. */
  get fans(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set fans(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  /** The host's processor has power. */
  get host(): boolean {
    return (this.#raw & 0x200) !== 0
  }

  set host(value: boolean) {
    this.#raw = value ? this.#raw | 0x200 : this.#raw & ~0x200
  }

  /** Times the host got power since standby came. */
  get starts(): Bits<16> {
    return ((this.#raw >>> 16) & 0xffff) as Bits<16>
  }

  set starts(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedStatus.starts')
    this.#raw = (this.#raw & ~0xffff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedStatus(0x${this.raw.toString(16)}) stage=${this.stage} rail=${this.rail} fans=${this.fans} host=${this.host} starts=${this.starts}`
  }
}

/** What a simulated device sees of Events: every field, both ways. */
export class SimulatedEvents {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedEvents.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /**
   * The sequence reached another stage.
   * (Access: w1c.)
   */
  get stage(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  set stage(value: boolean) {
    this.#raw = value ? this.#raw | 0x1 : this.#raw & ~0x1
  }

  /**
   * A rail fell while it was good.
   * (Access: w1c.)
   */
  get railLost(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  set railLost(value: boolean) {
    this.#raw = value ? this.#raw | 0x2 : this.#raw & ~0x2
  }

  /**
   * The processor ended its power by overheating.
   * (Access: w1c.)
   */
  get thermTrip(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  set thermTrip(value: boolean) {
    this.#raw = value ? this.#raw | 0x4 : this.#raw & ~0x4
  }

  /**
   * The processor was reset behind the sequencer's back.
   * (Access: w1c.)
   */
  get hostReset(): boolean {
    return (this.#raw & 0x8) !== 0
  }

  set hostReset(value: boolean) {
    this.#raw = value ? this.#raw | 0x8 : this.#raw & ~0x8
  }

  /**
   * The supply sagged.
   * (Access: w1c.)
   */
  get brownOut(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  set brownOut(value: boolean) {
    this.#raw = value ? this.#raw | 0x10 : this.#raw & ~0x10
  }

  toString(): string {
    return `SimulatedEvents(0x${this.raw.toString(16)}) stage=${this.stage} railLost=${this.railLost} thermTrip=${this.thermTrip} hostReset=${this.hostReset} brownOut=${this.brownOut}`
  }
}

/** What a simulated device sees of Host: every field, both ways. */
export class SimulatedHost {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedHost.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What sits in its socket. */
  get processor(): Processor | undefined {
    return decodeProcessor(this.#raw & 0x3)
  }

  /** The bits of processor, declared or not. */
  get processorRaw(): Bits<2> {
    return (this.#raw & 0x3) as Bits<2>
  }

  set processor(value: Processor) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'Processor.Absent'
        ? 0x0
        : value === 'Processor.Known'
          ? 0x1
          : value === 'Processor.Unknown'
            ? 0x2
            : encodeProcessor(value))
  }

  /** It runs slowly because it is hot or was asked to. */
  get throttled(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  set throttled(value: boolean) {
    this.#raw = value ? this.#raw | 0x10 : this.#raw & ~0x10
  }

  /** Non-maskable interrupts that it was sent. */
  get nmis(): Bits<8> {
    return ((this.#raw >>> 8) & 0xff) as Bits<8>
  }

  set nmis(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedHost.nmis')
    this.#raw = (this.#raw & ~0xff00) | (value << 8)
  }

  toString(): string {
    return `SimulatedHost(0x${this.raw.toString(16)}) processor=${this.processor} throttled=${this.throttled} nmis=${this.nmis}`
  }
}

/** What a simulated device sees of Standby: every field, both ways. */
export class SimulatedStandby {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedStandby.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Millivolts of the supply. */
  get supply(): Bits<16> {
    return (this.#raw & 0xffff) as Bits<16>
  }

  set supply(value: BitsInput<16>) {
    if ((value & 0xffff) !== value) throw outOfRange(value, 16, 'SimulatedStandby.supply')
    this.#raw = (this.#raw & ~0xffff) | value
  }

  /** The supply is within limits. */
  get good(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  set good(value: boolean) {
    this.#raw = value ? this.#raw | 0x10000 : this.#raw & ~0x10000
  }

  toString(): string {
    return `SimulatedStandby(0x${this.raw.toString(16)}) supply=${this.supply} good=${this.good}`
  }
}

/** What a simulated device sees of RailStatus: every field, both ways. */
export class SimulatedRailStatus {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedRailStatus.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Where the rail is. */
  get state(): RailState {
    return decodeRailState(this.#raw & 0x3)
  }

  set state(value: RailState) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'RailState.Off'
        ? 0x0
        : value === 'RailState.Ramping'
          ? 0x1
          : value === 'RailState.Good'
            ? 0x2
            : value === 'RailState.Faulted'
              ? 0x3
              : encodeRailState(value))
  }

  /** Millivolts. */
  get millivolts(): Bits<14> {
    return ((this.#raw >>> 2) & 0x3fff) as Bits<14>
  }

  set millivolts(value: BitsInput<14>) {
    if ((value & 0x3fff) !== value) throw outOfRange(value, 14, 'SimulatedRailStatus.millivolts')
    this.#raw = (this.#raw & ~0xfffc) | (value << 2)
  }

  /** Tenths of an ampere. */
  get deciamperes(): Bits<14> {
    return ((this.#raw >>> 16) & 0x3fff) as Bits<14>
  }

  set deciamperes(value: BitsInput<14>) {
    if ((value & 0x3fff) !== value) throw outOfRange(value, 14, 'SimulatedRailStatus.deciamperes')
    this.#raw = (this.#raw & ~0x3fff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedRailStatus(0x${this.raw.toString(16)}) state=${this.state} millivolts=${this.millivolts} deciamperes=${this.deciamperes}`
  }
}

/** What a simulated device sees of RailProfile: every field, both ways. */
export class SimulatedRailProfile {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedRailProfile.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** When it comes up. */
  get group(): Group {
    return decodeGroup(this.#raw & 0x3)
  }

  set group(value: Group) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'Group.A'
        ? 0x0
        : value === 'Group.B'
          ? 0x1
          : value === 'Group.C'
            ? 0x2
            : value === 'Group.None'
              ? 0x3
              : encodeGroup(value))
  }

  /** Millivolts it shall have. */
  get nominal(): Bits<14> {
    return ((this.#raw >>> 2) & 0x3fff) as Bits<14>
  }

  set nominal(value: BitsInput<14>) {
    if ((value & 0x3fff) !== value) throw outOfRange(value, 14, 'SimulatedRailProfile.nominal')
    this.#raw = (this.#raw & ~0xfffc) | (value << 2)
  }

  /** Milliseconds it takes to come up. */
  get rampMs(): Bits<12> {
    return ((this.#raw >>> 16) & 0xfff) as Bits<12>
  }

  set rampMs(value: BitsInput<12>) {
    if ((value & 0xfff) !== value) throw outOfRange(value, 12, 'SimulatedRailProfile.rampMs')
    this.#raw = (this.#raw & ~0xfff0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedRailProfile(0x${this.raw.toString(16)}) group=${this.group} nominal=${this.nominal} rampMs=${this.rampMs}`
  }
}

/** What a simulated device sees of PostCount: every field, both ways. */
export class SimulatedPostCount {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedPostCount.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Since it got power. */
  get count(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  set count(value: BitsInput<32>) {
    if (value >>> 0 !== value) throw outOfRange(value, 32, 'SimulatedPostCount.count')
    this.#raw = (this.#raw & ~0xffffffff) | value
  }

  toString(): string {
    return `SimulatedPostCount(0x${this.raw.toString(16)}) count=${this.count}`
  }
}

/** What a simulated device sees of PostCode: every field, both ways. */
export class SimulatedPostCode {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedPostCode.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What it means is the host's own affair. */
  get code(): Bits<32> {
    return (this.#raw >>> 0) as Bits<32>
  }

  set code(value: BitsInput<32>) {
    if (value >>> 0 !== value) throw outOfRange(value, 32, 'SimulatedPostCode.code')
    this.#raw = (this.#raw & ~0xffffffff) | value
  }

  toString(): string {
    return `SimulatedPostCode(0x${this.raw.toString(16)}) code=${this.code}`
  }
}

const identityShape: RegisterShape = {
  widthBits: 32,
  reset: 0x5e9a0001n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulateIdentity(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedIdentity> {
  const register = new SimulatedRegister(path, address, identityShape, (raw) => new SimulatedIdentity(Number(raw)))
  file.add(register)
  return register
}

const controlShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xfffffeffn,
  writable: 0x73n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffffe8cn,
}

export function simulateControl(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedControl> {
  const register = new SimulatedRegister(path, address, controlShape, (raw) => new SimulatedControl(Number(raw)))
  file.add(register)
  return register
}

const statusShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfc00n,
}

export function simulateStatus(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedStatus> {
  const register = new SimulatedRegister(path, address, statusShape, (raw) => new SimulatedStatus(Number(raw)))
  file.add(register)
  return register
}

const eventsShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x1fn,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffffffe0n,
}

export function simulateEvents(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedEvents> {
  const register = new SimulatedRegister(path, address, eventsShape, (raw) => new SimulatedEvents(Number(raw)))
  file.add(register)
  return register
}

const hostShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffff00ecn,
}

export function simulateHost(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedHost> {
  const register = new SimulatedRegister(path, address, hostShape, (raw) => new SimulatedHost(Number(raw)))
  file.add(register)
  return register
}

const standbyShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffe0000n,
}

export function simulateStandby(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedStandby> {
  const register = new SimulatedRegister(path, address, standbyShape, (raw) => new SimulatedStandby(Number(raw)))
  file.add(register)
  return register
}

const railStatusShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xc0000000n,
}

export function simulateRailStatus(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedRailStatus> {
  const register = new SimulatedRegister(path, address, railStatusShape, (raw) => new SimulatedRailStatus(Number(raw)))
  file.add(register)
  return register
}

const railProfileShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xf0000000n,
}

export function simulateRailProfile(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedRailProfile> {
  const register = new SimulatedRegister(
    path,
    address,
    railProfileShape,
    (raw) => new SimulatedRailProfile(Number(raw)),
  )
  file.add(register)
  return register
}

const postCountShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulatePostCount(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedPostCount> {
  const register = new SimulatedRegister(path, address, postCountShape, (raw) => new SimulatedPostCount(Number(raw)))
  file.add(register)
  return register
}

const postCodeShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0x0n,
}

export function simulatePostCode(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedPostCode> {
  const register = new SimulatedRegister(path, address, postCodeShape, (raw) => new SimulatedPostCode(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Rail. */
export class RailSimulation {
  /** What is measured. */
  readonly status: SimulatedRegister<SimulatedRailStatus>
  /** What it is for. */
  readonly profile: SimulatedRegister<SimulatedRailProfile>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.status = simulateRailStatus(file, `${path}status`, address)
    this.profile = simulateRailProfile(file, `${path}profile`, address + 0x4)
  }
}

/** The device's side of Main. */
export class MainSimulation {
  /** Who answers on the bus. */
  readonly identity: SimulatedRegister<SimulatedIdentity>
  /** What is asked for. */
  readonly control: SimulatedRegister<SimulatedControl>
  /** What was reached. */
  readonly status: SimulatedRegister<SimulatedStatus>
  /** What happened since somebody looked. */
  readonly events: SimulatedRegister<SimulatedEvents>
  /** The host's processor. */
  readonly host: SimulatedRegister<SimulatedHost>
  /** Standby rails and what shares them. */
  readonly standby: SimulatedRegister<SimulatedStandby>
  readonly railsCount = 8
  readonly #rails: RailSimulation[] = []
  /** How many codes the host has shown since it got power. */
  readonly postCount: SimulatedRegister<SimulatedPostCount>
  readonly postCodesCount = 16
  readonly #postCodes: SimulatedRegister<SimulatedPostCode>[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    this.identity = simulateIdentity(file, `${path}identity`, address)
    this.control = simulateControl(file, `${path}control`, address + 0x4)
    this.status = simulateStatus(file, `${path}status`, address + 0x8)
    this.events = simulateEvents(file, `${path}events`, address + 0xc)
    this.host = simulateHost(file, `${path}host`, address + 0x10)
    this.standby = simulateStandby(file, `${path}standby`, address + 0x14)
    for (let index = 0; index < 8; index++) {
      this.#rails.push(new RailSimulation(file, `${path}rails/${index}/`, address + 0x40 + index * 0x8))
    }
    this.postCount = simulatePostCount(file, `${path}post_count`, address + 0x80)
    for (let index = 0; index < 16; index++) {
      this.#postCodes.push(simulatePostCode(file, `${path}post_codes/${index}`, address + 0xc0 + index * 0x4))
    }
  }

  /**
   * The rails, in the order in which they come up.
   * Index 0 to 7; throws RangeError for another.
   */
  rails(index: number): RailSimulation {
    // Because the index was checked just here.
    return this.#rails[indexIn(index, 8, 'rails')]!
  }

  /**
   * The last codes that the host has shown: the n-th in place n modulo 16.
   * Index 0 to 15; throws RangeError for another.
   */
  postCodes(index: number): SimulatedRegister<SimulatedPostCode> {
    // Because the index was checked just here.
    return this.#postCodes[indexIn(index, 16, 'postCodes')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function sequencerSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
