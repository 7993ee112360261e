/**
 * Registers of ignition.rsf.
 * GENERATED from it; do not edit.
 */
import type { Bits, BitsInput, RegisterShape, SyncPlatform } from '@lodestone/rsf'
import { RegisterFile, SimulatedRegister, indexIn, outOfRange, undeclared } from '@lodestone/rsf'

/** Where a board's power is, as its ignition target tells. */
export const SystemPower = {
  /** Off, standby too. */
  Off: 'SystemPower.Off',
  /** Standby is on. */
  On: 'SystemPower.On',
  /** Switched off by a fault. */
  Aborted: 'SystemPower.Aborted',
  /** On its way down. */
  PoweringOff: 'SystemPower.PoweringOff',
  /** On its way up. */
  PoweringOn: 'SystemPower.PoweringOn',
} as const
export type SystemPower = (typeof SystemPower)[keyof typeof SystemPower]

/** The bits of a value of SystemPower. Throws RangeError for what is none. */
export function encodeSystemPower(value: SystemPower): number {
  switch (value) {
    case 'SystemPower.Off':
      return 0x0
    case 'SystemPower.On':
      return 0x1
    case 'SystemPower.Aborted':
      return 0x2
    case 'SystemPower.PoweringOff':
      return 0x3
    case 'SystemPower.PoweringOn':
      return 0x4
    default:
      throw undeclared(value, 'SystemPower')
  }
}

/** The value with these 3 bits, or undefined when none is declared. */
export function decodeSystemPower(raw: number): SystemPower | undefined {
  switch (raw) {
    case 0x0:
      return 'SystemPower.Off'
    case 0x1:
      return 'SystemPower.On'
    case 0x2:
      return 'SystemPower.Aborted'
    case 0x3:
      return 'SystemPower.PoweringOff'
    case 0x4:
      return 'SystemPower.PoweringOn'
    default:
      return undefined
  }
}

/** What can be asked of a board. */
export const Request = {
  /** Nothing. */
  None: 'Request.None',
  /** Switch on. */
  On: 'Request.On',
  /** Switch off, standby too. */
  Off: 'Request.Off',
  /** Switch off and on again. */
  Reset: 'Request.Reset',
} as const
export type Request = (typeof Request)[keyof typeof Request]

/** The bits of a value of Request. Throws RangeError for what is none. */
export function encodeRequest(value: Request): number {
  switch (value) {
    case 'Request.None':
      return 0x0
    case 'Request.On':
      return 0x1
    case 'Request.Off':
      return 0x2
    case 'Request.Reset':
      return 0x3
    default:
      throw undeclared(value, 'Request')
  }
}

/** The value with these 2 bits. */
export function decodeRequest(raw: number): Request {
  switch (raw) {
    case 0x0:
      return 'Request.None'
    case 0x1:
      return 'Request.On'
    case 0x2:
      return 'Request.Off'
    default:
      return 'Request.Reset'
  }
}

/** Who answers on the bus. */
export class Identity {
  /** After a reset. */
  static readonly RESET = 0x16100028
  readonly #raw: number

  constructor(raw: number = Identity.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Number of ports. */
  get ports(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  /** Always 0x161. */
  get magic(): Bits<12> {
    return ((this.#raw >>> 20) & 0xfff) as Bits<12>
  }

  toString(): string {
    return `Identity(0x${this.raw.toString(16)}) ports=${this.ports} magic=${this.magic}`
  }
}

/** What this end of the wire sees. */
export class Link {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Link.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Symbols are aligned. */
  get aligned(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  /** The clock is recovered. */
  get locked(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  /** The pair is swapped. */
  get inverted(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  /** A board answers. */
  get present(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  /** Sends even while no board answers. */
  get alwaysTransmit(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  toString(): string {
    return `Link(0x${this.raw.toString(16)}) aligned=${this.aligned} locked=${this.locked} inverted=${this.inverted} present=${this.present} alwaysTransmit=${this.alwaysTransmit}`
  }
}

/** What a board says of itself. */
export class Target {
  /** After a reset. */
  static readonly RESET = 0x0
  readonly #raw: number

  constructor(raw: number = Target.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Kind of board; 0x11 is a sled, 0x12 a switch, 0x13 a power shelf. */
  get system(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  /** Where its power is. */
  get power(): SystemPower | undefined {
    return decodeSystemPower((this.#raw >>> 8) & 0x7)
  }

  /** The bits of power, declared or not. */
  get powerRaw(): Bits<3> {
    return ((this.#raw >>> 8) & 0x7) as Bits<3>
  }

  /** It is being switched off and on again. */
  get resetting(): boolean {
    return (this.#raw & 0x800) !== 0
  }

  /** Standby power failed before it was distributed. */
  get faultA3(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  /** Standby power failed. */
  get faultA2(): boolean {
    return (this.#raw & 0x2000) !== 0
  }

  /** The service processor does not answer. */
  get faultSp(): boolean {
    return (this.#raw & 0x4000) !== 0
  }

  /** The root of trust does not answer. */
  get faultRot(): boolean {
    return (this.#raw & 0x8000) !== 0
  }

  /** It hears the first switch. */
  get controller0(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  /** It hears the second switch. */
  get controller1(): boolean {
    return (this.#raw & 0x20000) !== 0
  }

  /** Its receiver from the first switch is aligned. */
  get link0Aligned(): boolean {
    return (this.#raw & 0x40000) !== 0
  }

  /** Its receiver from the first switch is locked. */
  get link0Locked(): boolean {
    return (this.#raw & 0x80000) !== 0
  }

  /** Its receiver from the second switch is aligned. */
  get link1Aligned(): boolean {
    return (this.#raw & 0x100000) !== 0
  }

  /** Its receiver from the second switch is locked. */
  get link1Locked(): boolean {
    return (this.#raw & 0x200000) !== 0
  }

  toString(): string {
    return `Target(0x${this.raw.toString(16)}) system=${this.system} power=${this.power} resetting=${this.resetting} faultA3=${this.faultA3} faultA2=${this.faultA2} faultSp=${this.faultSp} faultRot=${this.faultRot} controller0=${this.controller0} controller1=${this.controller1} link0Aligned=${this.link0Aligned} link0Locked=${this.link0Locked} link1Aligned=${this.link1Aligned} link1Locked=${this.link1Locked}`
  }
}

/** Asks the board for something. */
export class Command {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [['send', 'access', 'pulse']] as const
  readonly #raw: number

  constructor(raw: number = Command.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What. */
  get request(): Request {
    return decodeRequest(this.#raw & 0x3)
  }

  /** It was sent and not carried out yet. */
  get busy(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  /** No board was there to take it. */
  get discarded(): boolean {
    return (this.#raw & 0x20000) !== 0
  }

  toString(): string {
    return `Command(0x${this.raw.toString(16)}) request=${this.request} busy=${this.busy} discarded=${this.discarded}`
  }
}

/**
 * Errors on the wire; each stays until it is cleared by writing 1. Six bits for each receiver: encoding, decoding, ordered
 * set, version, type, checksum.
 */
export class Events {
  /** After a reset. */
  static readonly RESET = 0x0
  /** [field or empty, attribute, value] */
  static readonly ATTRIBUTES = [
    ['controller', 'access', 'w1c'],
    ['link0', 'access', 'w1c'],
    ['link1', 'access', 'w1c'],
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
   * At this end.
   * (Access: w1c.)
   */
  get controller(): Bits<6> {
    return (this.#raw & 0x3f) as Bits<6>
  }

  /**
   * At the board's receiver from the first switch.
   * (Access: w1c.)
   */
  get link0(): Bits<6> {
    return ((this.#raw >>> 8) & 0x3f) as Bits<6>
  }

  /**
   * At the board's receiver from the second switch.
   * (Access: w1c.)
   */
  get link1(): Bits<6> {
    return ((this.#raw >>> 16) & 0x3f) as Bits<6>
  }

  toString(): string {
    return `Events(0x${this.raw.toString(16)}) controller=${this.controller} link0=${this.link0} link1=${this.link1}`
  }
}

// The engine folds a constant; the binding of a class it loads and checks at every `new`.
const identityClass = Identity
const linkClass = Link
const targetClass = Target
const commandClass = Command
const eventsClass = Events

/** Fields of Link that can be written. */
export interface LinkFields {
  /** Sends even while no board answers. */
  readonly alwaysTransmit?: boolean
}

// On the bits themselves: no value is made for it.
function patchLink(raw: number, fields: LinkFields): number {
  let bits = raw
  {
    const field = fields.alwaysTransmit
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  return bits >>> 0
}

/** Fields of Command that can be written. */
export interface CommandFields {
  /** What. */
  readonly request?: Request
  /**
   * Sends it.
   * (Access: pulse.)
   */
  readonly send?: boolean
}

// On the bits themselves: no value is made for it.
function patchCommand(raw: number, fields: CommandFields): number {
  let bits = raw
  {
    const field = fields.request
    if (field !== undefined) {
      bits =
        (bits & ~0x3) |
        (field === 'Request.None'
          ? 0x0
          : field === 'Request.On'
            ? 0x1
            : field === 'Request.Off'
              ? 0x2
              : field === 'Request.Reset'
                ? 0x3
                : encodeRequest(field))
    }
  }
  {
    const field = fields.send
    if (field !== undefined) {
      bits = field ? bits | 0x100 : bits & ~0x100
    }
  }
  return bits >>> 0
}

/** Fields of Events that can be written. */
export interface EventsFields {
  /**
   * At this end.
   * (Access: w1c.)
   */
  readonly controller?: BitsInput<6>
  /**
   * At the board's receiver from the first switch.
   * (Access: w1c.)
   */
  readonly link0?: BitsInput<6>
  /**
   * At the board's receiver from the second switch.
   * (Access: w1c.)
   */
  readonly link1?: BitsInput<6>
}

// On the bits themselves: no value is made for it.
function patchEvents(raw: number, fields: EventsFields): number {
  let bits = raw
  {
    const field = fields.controller
    if (field !== undefined) {
      if ((field & 0x3f) !== field) throw outOfRange(field, 6, 'Events.controller')
      bits = (bits & ~0x3f) | field
    }
  }
  {
    const field = fields.link0
    if (field !== undefined) {
      if ((field & 0x3f) !== field) throw outOfRange(field, 6, 'Events.link0')
      bits = (bits & ~0x3f00) | (field << 8)
    }
  }
  {
    const field = fields.link1
    if (field !== undefined) {
      if ((field & 0x3f) !== field) throw outOfRange(field, 6, 'Events.link1')
      bits = (bits & ~0x3f0000) | (field << 16)
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

/** Reaches a Link. */
export class LinkRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Link {
    return new linkClass(this.#platform.read(this.address, 32))
  }

  write(value: Link): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: LinkFields): void {
    this.#platform.write(this.address, patchLink(Link.RESET, fields), 32)
  }

  /** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */
  update(fields: LinkFields): void {
    this.#platform.write(this.address, patchLink(this.#platform.read(this.address, 32), fields), 32)
  }
}

/** Reaches a Target. */
export class TargetRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Target {
    return new targetClass(this.#platform.read(this.address, 32))
  }
}

/** Reaches a Command. */
export class CommandRegister {
  /** In bytes. */
  readonly address: number
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address: number) {
    this.#platform = platform
    this.address = address
  }

  read(): Command {
    return new commandClass(this.#platform.read(this.address, 32))
  }

  write(value: Command): void {
    this.#platform.write(this.address, value.raw, 32)
  }

  /** Writes the reset value with these fields. */
  set(fields: CommandFields): void {
    this.#platform.write(this.address, patchCommand((Command.RESET & ~0x100) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: CommandFields): void {
    this.#platform.write(this.address, patchCommand((this.#platform.read(this.address, 32) & ~0x100) >>> 0, fields), 32)
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
    this.#platform.write(this.address, patchEvents((Events.RESET & ~0x3f3f3f) >>> 0, fields), 32)
  }

  /**
   * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.
   * Fields that do something when 1 is written are 0 unless given.
   */
  update(fields: EventsFields): void {
    this.#platform.write(
      this.address,
      patchEvents((this.#platform.read(this.address, 32) & ~0x3f3f3f) >>> 0, fields),
      32,
    )
  }
}

/** One wire to one board. */
export class PortBlock {
  /** In bytes. */
  readonly address: number
  /** What this end sees. */
  readonly link: LinkRegister
  /** What the board says of itself. */
  readonly target: TargetRegister
  /** Asks the board for something. */
  readonly command: CommandRegister
  /** Errors on the wire, until they are cleared. */
  readonly events: EventsRegister

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.link = new LinkRegister(platform, address)
    this.target = new TargetRegister(platform, address + 0x4)
    this.command = new CommandRegister(platform, address + 0x8)
    this.events = new EventsRegister(platform, address + 0xc)
  }
}

/** Everything that a switch's service processor sees of ignition. */
export class MainBlock {
  /** In bytes. */
  readonly address: number
  /** Who answers on the bus. */
  readonly identity: IdentityRegister
  readonly portsCount = 40
  readonly #ports: PortBlock[] = []
  readonly #platform: SyncPlatform

  constructor(platform: SyncPlatform, address = 0) {
    this.address = address
    this.#platform = platform
    this.identity = new IdentityRegister(platform, address)
  }

  /**
   * One wire to one board.
   * Index 0 to 39; throws RangeError for another.
   */
  ports(index: number): PortBlock {
    const known = this.#ports[index]
    if (known !== undefined) return known
    indexIn(index, 40, 'MainBlock.ports')
    return (this.#ports[index] = new PortBlock(this.#platform, this.address + 0x100 + index * 0x10))
  }
}

/** A client of the whole device; `address` (bytes) is where the platform has it. */
export function ignitionClient(platform: SyncPlatform, address = 0): MainBlock {
  return new MainBlock(platform, address)
}

/** What a simulated device sees of Identity: every field, both ways. */
export class SimulatedIdentity {
  /** After a reset. */
  static readonly RESET = 0x16100028
  #raw: number

  constructor(raw: number = SimulatedIdentity.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Number of ports. */
  get ports(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  set ports(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedIdentity.ports')
    this.#raw = (this.#raw & ~0xff) | value
  }

  /** Always 0x161. */
  get magic(): Bits<12> {
    return ((this.#raw >>> 20) & 0xfff) as Bits<12>
  }

  set magic(value: BitsInput<12>) {
    if ((value & 0xfff) !== value) throw outOfRange(value, 12, 'SimulatedIdentity.magic')
    this.#raw = (this.#raw & ~0xfff00000) | (value << 20)
  }

  toString(): string {
    return `SimulatedIdentity(0x${this.raw.toString(16)}) ports=${this.ports} magic=${this.magic}`
  }
}

/** What a simulated device sees of Link: every field, both ways. */
export class SimulatedLink {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedLink.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Symbols are aligned. */
  get aligned(): boolean {
    return (this.#raw & 0x1) !== 0
  }

  set aligned(value: boolean) {
    this.#raw = value ? this.#raw | 0x1 : this.#raw & ~0x1
  }

  /** The clock is recovered. */
  get locked(): boolean {
    return (this.#raw & 0x2) !== 0
  }

  set locked(value: boolean) {
    this.#raw = value ? this.#raw | 0x2 : this.#raw & ~0x2
  }

  /** The pair is swapped. */
  get inverted(): boolean {
    return (this.#raw & 0x4) !== 0
  }

  set inverted(value: boolean) {
    this.#raw = value ? this.#raw | 0x4 : this.#raw & ~0x4
  }

  /** A board answers. */
  get present(): boolean {
    return (this.#raw & 0x10) !== 0
  }

  set present(value: boolean) {
    this.#raw = value ? this.#raw | 0x10 : this.#raw & ~0x10
  }

  /** Sends even while no board answers. */
  get alwaysTransmit(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set alwaysTransmit(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  toString(): string {
    return `SimulatedLink(0x${this.raw.toString(16)}) aligned=${this.aligned} locked=${this.locked} inverted=${this.inverted} present=${this.present} alwaysTransmit=${this.alwaysTransmit}`
  }
}

/** What a simulated device sees of Target: every field, both ways. */
export class SimulatedTarget {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedTarget.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** Kind of board; 0x11 is a sled, 0x12 a switch, 0x13 a power shelf. */
  get system(): Bits<8> {
    return (this.#raw & 0xff) as Bits<8>
  }

  set system(value: BitsInput<8>) {
    if ((value & 0xff) !== value) throw outOfRange(value, 8, 'SimulatedTarget.system')
    this.#raw = (this.#raw & ~0xff) | value
  }

  /** Where its power is. */
  get power(): SystemPower | undefined {
    return decodeSystemPower((this.#raw >>> 8) & 0x7)
  }

  /** The bits of power, declared or not. */
  get powerRaw(): Bits<3> {
    return ((this.#raw >>> 8) & 0x7) as Bits<3>
  }

  set power(value: SystemPower) {
    this.#raw =
      (this.#raw & ~0x700) |
      ((value === 'SystemPower.Off'
        ? 0x0
        : value === 'SystemPower.On'
          ? 0x1
          : value === 'SystemPower.Aborted'
            ? 0x2
            : value === 'SystemPower.PoweringOff'
              ? 0x3
              : value === 'SystemPower.PoweringOn'
                ? 0x4
                : encodeSystemPower(value)) <<
        8)
  }

  /** It is being switched off and on again. */
  get resetting(): boolean {
    return (this.#raw & 0x800) !== 0
  }

  set resetting(value: boolean) {
    this.#raw = value ? this.#raw | 0x800 : this.#raw & ~0x800
  }

  /** Standby power failed before it was distributed. */
  get faultA3(): boolean {
    return (this.#raw & 0x1000) !== 0
  }

  set faultA3(value: boolean) {
    this.#raw = value ? this.#raw | 0x1000 : this.#raw & ~0x1000
  }

  /** Standby power failed. */
  get faultA2(): boolean {
    return (this.#raw & 0x2000) !== 0
  }

  set faultA2(value: boolean) {
    this.#raw = value ? this.#raw | 0x2000 : this.#raw & ~0x2000
  }

  /** The service processor does not answer. */
  get faultSp(): boolean {
    return (this.#raw & 0x4000) !== 0
  }

  set faultSp(value: boolean) {
    this.#raw = value ? this.#raw | 0x4000 : this.#raw & ~0x4000
  }

  /** The root of trust does not answer. */
  get faultRot(): boolean {
    return (this.#raw & 0x8000) !== 0
  }

  set faultRot(value: boolean) {
    this.#raw = value ? this.#raw | 0x8000 : this.#raw & ~0x8000
  }

  /** It hears the first switch. */
  get controller0(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  set controller0(value: boolean) {
    this.#raw = value ? this.#raw | 0x10000 : this.#raw & ~0x10000
  }

  /** It hears the second switch. */
  get controller1(): boolean {
    return (this.#raw & 0x20000) !== 0
  }

  set controller1(value: boolean) {
    this.#raw = value ? this.#raw | 0x20000 : this.#raw & ~0x20000
  }

  /** Its receiver from the first switch is aligned. */
  get link0Aligned(): boolean {
    return (this.#raw & 0x40000) !== 0
  }

  set link0Aligned(value: boolean) {
    this.#raw = value ? this.#raw | 0x40000 : this.#raw & ~0x40000
  }

  /** Its receiver from the first switch is locked. */
  get link0Locked(): boolean {
    return (this.#raw & 0x80000) !== 0
  }

  set link0Locked(value: boolean) {
    this.#raw = value ? this.#raw | 0x80000 : this.#raw & ~0x80000
  }

  /** Its receiver from the second switch is aligned. */
  get link1Aligned(): boolean {
    return (this.#raw & 0x100000) !== 0
  }

  set link1Aligned(value: boolean) {
    this.#raw = value ? this.#raw | 0x100000 : this.#raw & ~0x100000
  }

  /** Its receiver from the second switch is locked. */
  get link1Locked(): boolean {
    return (this.#raw & 0x200000) !== 0
  }

  set link1Locked(value: boolean) {
    this.#raw = value ? this.#raw | 0x200000 : this.#raw & ~0x200000
  }

  toString(): string {
    return `SimulatedTarget(0x${this.raw.toString(16)}) system=${this.system} power=${this.power} resetting=${this.resetting} faultA3=${this.faultA3} faultA2=${this.faultA2} faultSp=${this.faultSp} faultRot=${this.faultRot} controller0=${this.controller0} controller1=${this.controller1} link0Aligned=${this.link0Aligned} link0Locked=${this.link0Locked} link1Aligned=${this.link1Aligned} link1Locked=${this.link1Locked}`
  }
}

/** What a simulated device sees of Command: every field, both ways. */
export class SimulatedCommand {
  /** After a reset. */
  static readonly RESET = 0x0
  #raw: number

  constructor(raw: number = SimulatedCommand.RESET) {
    this.#raw = raw | 0
  }

  /** All bits, reserved ones too. */
  get raw(): number {
    return this.#raw >>> 0
  }

  /** What. */
  get request(): Request {
    return decodeRequest(this.#raw & 0x3)
  }

  set request(value: Request) {
    this.#raw =
      (this.#raw & ~0x3) |
      (value === 'Request.None'
        ? 0x0
        : value === 'Request.On'
          ? 0x1
          : value === 'Request.Off'
            ? 0x2
            : value === 'Request.Reset'
              ? 0x3
              : encodeRequest(value))
  }

  /**
   * Sends it.
   * (Access: pulse.)
   */
  get send(): boolean {
    return (this.#raw & 0x100) !== 0
  }

  set send(value: boolean) {
    this.#raw = value ? this.#raw | 0x100 : this.#raw & ~0x100
  }

  /** It was sent and not carried out yet. */
  get busy(): boolean {
    return (this.#raw & 0x10000) !== 0
  }

  set busy(value: boolean) {
    this.#raw = value ? this.#raw | 0x10000 : this.#raw & ~0x10000
  }

  /** No board was there to take it. */
  get discarded(): boolean {
    return (this.#raw & 0x20000) !== 0
  }

  set discarded(value: boolean) {
    this.#raw = value ? this.#raw | 0x20000 : this.#raw & ~0x20000
  }

  toString(): string {
    return `SimulatedCommand(0x${this.raw.toString(16)}) request=${this.request} send=${this.send} busy=${this.busy} discarded=${this.discarded}`
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
   * At this end.
   * (Access: w1c.)
   */
  get controller(): Bits<6> {
    return (this.#raw & 0x3f) as Bits<6>
  }

  set controller(value: BitsInput<6>) {
    if ((value & 0x3f) !== value) throw outOfRange(value, 6, 'SimulatedEvents.controller')
    this.#raw = (this.#raw & ~0x3f) | value
  }

  /**
   * At the board's receiver from the first switch.
   * (Access: w1c.)
   */
  get link0(): Bits<6> {
    return ((this.#raw >>> 8) & 0x3f) as Bits<6>
  }

  set link0(value: BitsInput<6>) {
    if ((value & 0x3f) !== value) throw outOfRange(value, 6, 'SimulatedEvents.link0')
    this.#raw = (this.#raw & ~0x3f00) | (value << 8)
  }

  /**
   * At the board's receiver from the second switch.
   * (Access: w1c.)
   */
  get link1(): Bits<6> {
    return ((this.#raw >>> 16) & 0x3f) as Bits<6>
  }

  set link1(value: BitsInput<6>) {
    if ((value & 0x3f) !== value) throw outOfRange(value, 6, 'SimulatedEvents.link1')
    this.#raw = (this.#raw & ~0x3f0000) | (value << 16)
  }

  toString(): string {
    return `SimulatedEvents(0x${this.raw.toString(16)}) controller=${this.controller} link0=${this.link0} link1=${this.link1}`
  }
}

const identityShape: RegisterShape = {
  widthBits: 32,
  reset: 0x16100028n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfff00n,
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

const linkShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x100n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffffee8n,
}

export function simulateLink(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedLink> {
  const register = new SimulatedRegister(path, address, linkShape, (raw) => new SimulatedLink(Number(raw)))
  file.add(register)
  return register
}

const targetShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffc00000n,
}

export function simulateTarget(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedTarget> {
  const register = new SimulatedRegister(path, address, targetShape, (raw) => new SimulatedTarget(Number(raw)))
  file.add(register)
  return register
}

const commandShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xfffffeffn,
  writable: 0x3n,
  w1c: 0x0n,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xfffcfefcn,
}

export function simulateCommand(
  file: RegisterFile,
  path: string,
  address: number,
): SimulatedRegister<SimulatedCommand> {
  const register = new SimulatedRegister(path, address, commandShape, (raw) => new SimulatedCommand(Number(raw)))
  file.add(register)
  return register
}

const eventsShape: RegisterShape = {
  widthBits: 32,
  reset: 0x0n,
  readable: 0xffffffffn,
  writable: 0x0n,
  w1c: 0x3f3f3fn,
  w1s: 0x0n,
  readClears: 0x0n,
  reserved: 0xffc0c0c0n,
}

export function simulateEvents(file: RegisterFile, path: string, address: number): SimulatedRegister<SimulatedEvents> {
  const register = new SimulatedRegister(path, address, eventsShape, (raw) => new SimulatedEvents(Number(raw)))
  file.add(register)
  return register
}

/** The device's side of Port. */
export class PortSimulation {
  /** What this end sees. */
  readonly link: SimulatedRegister<SimulatedLink>
  /** What the board says of itself. */
  readonly target: SimulatedRegister<SimulatedTarget>
  /** Asks the board for something. */
  readonly command: SimulatedRegister<SimulatedCommand>
  /** Errors on the wire, until they are cleared. */
  readonly events: SimulatedRegister<SimulatedEvents>

  constructor(file: RegisterFile, path = '', address = 0) {
    this.link = simulateLink(file, `${path}link`, address)
    this.target = simulateTarget(file, `${path}target`, address + 0x4)
    this.command = simulateCommand(file, `${path}command`, address + 0x8)
    this.events = simulateEvents(file, `${path}events`, address + 0xc)
  }
}

/** The device's side of Main. */
export class MainSimulation {
  /** Who answers on the bus. */
  readonly identity: SimulatedRegister<SimulatedIdentity>
  readonly portsCount = 40
  readonly #ports: PortSimulation[] = []

  constructor(file: RegisterFile, path = '', address = 0) {
    this.identity = simulateIdentity(file, `${path}identity`, address)
    for (let index = 0; index < 40; index++) {
      this.#ports.push(new PortSimulation(file, `${path}ports/${index}/`, address + 0x100 + index * 0x10))
    }
  }

  /**
   * One wire to one board.
   * Index 0 to 39; throws RangeError for another.
   */
  ports(index: number): PortSimulation {
    // Because the index was checked just here.
    return this.#ports[indexIn(index, 40, 'ports')]!
  }
}

/** A simulated device: `platform` for its driver, `device` to play it. */
export function ignitionSimulation(): { readonly platform: RegisterFile; readonly device: MainSimulation } {
  const platform = new RegisterFile()
  return { platform, device: new MainSimulation(platform) }
}
