/**
 * The service processor of one board, from power to power: it boots when standby comes, runs one life of the firmware after
 * another, answers on the management network, and can be broken in every way of `SpFault`.
 *
 * Invariant: the board does not depend on it. What it does to power, fans and ignition it does through registers.
 */
import type { Datagram, Host, Random, Timer } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import type { Board } from './device/board.ts'
import { SUPPLY_MILLIVOLTS } from './device/sequencer-device.ts'
import { ROOM_C } from './device/board.ts'
import { isMomentary, type SpFault } from './fault.ts'
import { Agent } from './firmware/agent.ts'
import { type BankedFlash, confirm, newFlash, otherSlot, rollBack, startFrom } from './firmware/boot-flash.ts'
import type { HostUart } from './firmware/console-task.ts'
import { Firmware } from './firmware/firmware.ts'
import { buildImage, readImage } from './firmware/image.ts'
import type { PowerFault } from './firmware/power-machine.ts'
import type { TaskName } from './firmware/task-context.ts'
import { ROT_BOARD, type SpFlash } from './firmware/update-task.ts'
import { encodeVpd, type Vpd } from './firmware/vpd-task.ts'
import { Processor } from './registers/sequencer.ts'
import { decodeDatagram, encodeDatagram, MGS_PORT } from './protocol/message.ts'
import type { SpResponse } from './protocol/response.ts'
import { type PortFaults, SpPort } from './sp-port.ts'

/** From standby power to the first answer. */
export const BOOT_MS = 400
const CRASH_AFTER_START_MS = 1
const REMEMBERED_ANSWERS = 8
/** A new image that nobody set a watchdog for must come so far as to run within this time. */
const FIRST_START_MS = 10_000

export interface SpAddress {
  /** Name of the host's network. */
  readonly network: string
  readonly address: string
  /** Of its datagrams, with the tag's four bytes before them; absent on a network without VLANs. */
  readonly vlan?: number
}

export interface ServiceProcessorOptions {
  readonly name: string
  readonly host: Host
  readonly board: Board
  readonly vpd: Vpd
  /** Of its two ports, One and Two; either may be missing. */
  readonly addresses: readonly (SpAddress | undefined)[]
  readonly uart?: HostUart
  /** What is in flash; a first release in all of it when absent. */
  readonly flash?: SpFlash
  /** Keys that open the technician's ports of a switch; none on a development board. */
  readonly unlockKeys?: readonly Uint8Array[]
}

const COUNTERS = ['boots', 'malformed', 'unexpected', 'requests', 'answers', 'watchdog-resets', 'deaf'] as const

export class ServiceProcessor {
  readonly name: string
  readonly board: Board
  readonly flash: SpFlash
  readonly counters = new Counters(COUNTERS)
  readonly #options: ServiceProcessorOptions
  readonly #host: Host
  readonly #random: Random
  readonly #faults: PortFaults = { loss: 0, duplicate: 0, delayMs: 0, isGated: false }
  readonly #active: SpFault[] = []
  readonly #ports: (SpPort | undefined)[] = []
  /** Who asked last at each port. */
  readonly #gateways: ({ readonly address: string; readonly port: number } | undefined)[] = []
  #firmware: Firmware | undefined
  #agent: Agent | undefined
  #bootTimer: Timer | undefined
  #watchdog: Timer | undefined
  #isHalted = false
  /** Power has come, and no firmware has brought the host up since. */
  #owesPowerOn = false
  #vpd: Vpd
  #interruptUpdateAfter: number | undefined
  /** Changes of power that are answered when they are done, by who asked and number. */
  readonly #pending = new Set<string>()
  /** Their last answers: a repetition that comes after the answer must not move power again. */
  readonly #answered = new Map<string, SpResponse>()

  constructor(options: ServiceProcessorOptions) {
    this.#options = options
    this.name = options.name
    this.board = options.board
    this.#host = options.host
    this.#random = options.host.random.fork('service-processor')
    this.#vpd = options.vpd
    this.#program(options.vpd)
    this.flash = options.flash ?? firstRelease(options.board.profile.board)
    options.board.listen({
      onStandby: (isOn) => this.#standby(isOn),
      onInterrupt: () => this.#host.clock.after(0, () => this.#interrupt()),
      onHostPower: (isOn) =>
        this.#host.clock.after(0, () => (isOn ? this.firmware?.hostStarted() : this.firmware?.phase2.stop())),
    })
    options.board.awaitsImage = () => this.firmware?.wantsPhase2 === true
    if (options.board.hasStandby) this.#startFirmware(false)
  }

  /** Opens the ports. */
  async start(): Promise<void> {
    for (const [index, at] of this.#options.addresses.entries()) {
      this.#ports[index] =
        at === undefined
          ? undefined
          : await SpPort.open({
              host: this.#host,
              ...at,
              random: this.#random,
              faults: this.#faults,
              receive: (datagram, isEreport) => this.#receive(index, datagram, isEreport),
            })
    }
  }

  /** This life's firmware; undefined without power, while booting, and when the processor is halted. */
  get firmware(): Firmware | undefined {
    return this.#isHalted ? undefined : this.#firmware
  }

  get vpd(): Vpd {
    return this.#vpd
  }

  get faults(): readonly SpFault[] {
    return this.#active
  }

  get portCounters(): readonly Readonly<Record<string, number>>[] {
    return this.#ports.flatMap((port) => (port === undefined ? [] : [port.counters.snapshot()]))
  }

  close(): void {
    this.#stopFirmware()
    for (const port of this.#ports.splice(0)) port?.close()
  }

  /** Lets one waiting datagram in; for the fault `gate`. */
  step(): boolean {
    return this.#ports.some((port) => port?.step() === true)
  }

  inject(fault: SpFault): void {
    if (!isMomentary(fault)) this.#active.push(fault)
    this.#apply(fault, true)
  }

  /** Takes back every fault, or those of one kind. @returns how many. */
  clear(kind?: SpFault['kind']): number {
    const cleared = this.#active.filter((fault) => kind === undefined || fault.kind === kind)
    for (const fault of cleared) {
      this.#active.splice(this.#active.indexOf(fault), 1)
      this.#apply(fault, false)
    }
    return cleared.length
  }

  #apply(fault: SpFault, isOn: boolean): void {
    const { board } = this
    const nowMs = this.#host.clock.nowMs()
    switch (fault.kind) {
      case 'unresponsive':
        return this.#halt(isOn)
      case 'slow':
        this.#faults.delayMs = isOn ? fault.delayMs : 0
        return
      case 'gate':
        this.#faults.isGated = isOn
        if (!isOn) for (const port of this.#ports) port?.release()
        return
      case 'network':
        this.#faults.loss = isOn ? fault.loss : 0
        this.#faults.duplicate = isOn ? fault.duplicate : 0
        return
      case 'task-crash':
        if (isOn) this.#crash(fault.task, fault.everyMs, fault)
        return
      case 'sensor':
        return board.sensors.setFault(fault.sensor, isOn ? fault.fault : undefined, nowMs)
      case 'fan':
        return board.fans.setFan(fault.fan, isOn ? fault.health : 'well')
      case 'brown-out':
        return board.setSupply(isOn ? fault.millivolts : SUPPLY_MILLIVOLTS)
      case 'thermal-trip':
        return board.sequencer.thermTrip()
      case 'host-reset':
        return board.sequencer.resetHost()
      case 'rail-stuck':
        return board.sequencer.setRailStuck(fault.rail, isOn)
      case 'rail-lost':
        return board.sequencer.loseRail(fault.rail)
      case 'sequencer-bus':
        board.sequencer.bus.isBroken = isOn
        return
      case 'processor': {
        const found = fault.found === 'absent' ? Processor.Absent : Processor.Unknown
        return board.sequencer.setProcessor(isOn ? found : Processor.Known)
      }
      case 'bad-caboose':
      case 'wrong-board':
        return this.#spoil(fault.kind)
      case 'update-interrupted':
        this.#interruptUpdateAfter = isOn ? fault.afterBytes : undefined
        return this.#watchUpdate()
      case 'ignition-link':
        return this.onIgnitionLink(!isOn, fault.controller)
      case 'rot-mismatch':
        board.ignitionTarget.isRotFaulted = isOn
        if (isOn) this.firmware?.report('jefe', { k: 'rot.mismatch' })
        return
      case 'console-garbage':
        return this.firmware?.console.printed(this.#random.bytes(fault.bytes))
      case 'vlan':
        this.#ports[fault.port]?.setVlan(isOn ? fault.vlan : undefined)
        return
      case 'mac-collision':
        this.#program({ ...this.#vpd, baseMac: isOn ? fault.mac : this.#options.vpd.baseMac })
        return this.#reboot()
      case 'air':
        board.airC = isOn ? fault.celsius : ROOM_C
        return
    }
  }

  /** Who holds the ignition controllers sets this: the board does not know its wires' other ends. */
  onIgnitionLink: (isUp: boolean, controller: 0 | 1 | undefined) => void = () => {}

  /** What the factory, or a fault, puts into the identity memories. */
  #program(vpd: Vpd): void {
    this.#vpd = vpd
    for (let index = 0; index < this.board.profile.vpdCount; index++) {
      const serialNumber = index === 0 ? vpd.serialNumber : `${vpd.serialNumber}F`
      this.board.vpd.program(index, encodeVpd({ ...vpd, serialNumber }))
    }
  }

  #standby(isOn: boolean): void {
    this.#bootTimer?.cancel()
    if (!isOn) {
      this.#owesPowerOn = false
      return this.#stopFirmware()
    }
    this.#bootTimer = this.#host.clock.after(BOOT_MS, () => this.#startFirmware(true))
  }

  #startFirmware(isPowerOn: boolean): void {
    // A processor that is dead when power comes makes up for it when it lives again.
    this.#owesPowerOn ||= isPowerOn
    if (this.#isHalted) return
    this.#stopFirmware()
    this.counters.add('boots')
    const { board, flash } = this
    const { slot, watchdogMs } = startFrom(flash.sp, board.profile.board)
    const isTrying = flash.sp.pending?.phase === 'trying'
    const image = readImage(flash.sp.slots[slot])
    // An image may say that it hangs: that is what the watchdog is for.
    const hangs = image.ok && image.caboose.get('NAME') === 'hang'
    if (isTrying) this.#armWatchdog(watchdogMs ?? FIRST_START_MS)
    if (hangs) {
      board.ignitionTarget.isSpFaulted = true
      return
    }
    board.ignitionTarget.isSpFaulted = false
    // Without a watchdog it is enough that the image came so far.
    if (isTrying && watchdogMs === undefined) confirm(flash.sp)
    const firmware = new Firmware({
      clock: this.#host.clock,
      random: this.#random,
      profile: board.profile,
      buses: {
        sequencer: board.sequencer.bus,
        sensors: board.sensors.bus,
        fans: board.fans.bus,
        ignition: board.ignitionController?.bus,
        vpd: board.vpd.bus,
        monorail: board.management?.bus,
      },
      flash,
      runningSlot: slot,
      uart: this.#options.uart,
      onPrint: (client, offset, bytes) => this.#print(client, offset, bytes),
      onReset: () => this.#reboot(),
      onPhase2: (attempt, messageId, hash, offset) => this.#askPhase2(attempt, messageId, hash, offset),
      unlockKeys: this.#options.unlockKeys ?? [],
      onHostImage: () => board.startHost(),
    })
    this.#firmware = firmware
    this.#agent = new Agent(firmware)
    firmware.update.onInterrupt = () => this.#cutPower()
    this.#watchUpdate()
    this.#host.log('info', 'sp.boot', { name: this.name, slot })
    if (this.#owesPowerOn) firmware.start()
    this.#owesPowerOn = false
    for (const fault of this.#active) if (fault.kind === 'task-crash') this.#crash(fault.task, fault.everyMs, fault)
  }

  #stopFirmware(): void {
    this.#watchdog?.cancel()
    this.#bootTimer?.cancel()
    this.#firmware?.close()
    this.#firmware = undefined
    this.#agent = undefined
    this.#pending.clear()
    this.#answered.clear()
  }

  /** The service processor alone starts anew; the host goes on. */
  #reboot(): void {
    this.#stopFirmware()
    if (!this.board.hasStandby) return
    this.#bootTimer = this.#host.clock.after(BOOT_MS, () => this.#startFirmware(false))
  }

  #armWatchdog(watchdogMs: number): void {
    this.#watchdog = this.#host.clock.after(watchdogMs, () => {
      if (this.flash.sp.pending?.phase !== 'trying') return
      this.counters.add('watchdog-resets')
      rollBack(this.flash.sp)
      this.#reboot()
    })
  }

  #halt(isHalted: boolean): void {
    this.#isHalted = isHalted
    this.board.ignitionTarget.isSpFaulted = isHalted
    if (isHalted) this.#stopFirmware()
    else this.#reboot()
  }

  /** Standby power fails and comes back, as when a plug is loose. */
  #cutPower(): void {
    this.#host.clock.after(0, () => {
      this.board.setPlug(false)
      this.#host.clock.after(1000, () => this.board.setPlug(true))
    })
  }

  #crash(task: TaskName, everyMs: number | undefined, fault: SpFault): void {
    const firmware = this.#firmware
    if (firmware === undefined) return
    firmware.crash(task, 'injected')
    if (everyMs === undefined) return
    const again = Math.max(everyMs, CRASH_AFTER_START_MS)
    this.#host.clock.after(again, () => {
      if (this.#firmware === firmware && this.#active.includes(fault)) this.#crash(task, everyMs, fault)
    })
  }

  #spoil(kind: 'bad-caboose' | 'wrong-board'): void {
    const { sp } = this.flash
    const slot = sp.pending?.slot ?? otherSlot(sp.active)
    if (kind === 'wrong-board') sp.slots[slot] = buildImage({ board: 'unknown-board', name: 'sp', version: '0.0.0' })
    else if (sp.slots[slot] !== undefined) {
      const image = sp.slots[slot].slice()
      const at = image.length - 1
      image[at] = (image[at] ?? 0) ^ 0xff
      sp.slots[slot] = image
    }
  }

  #watchUpdate(): void {
    if (this.#firmware !== undefined) this.#firmware.update.interruptAfterBytes = this.#interruptUpdateAfter
  }

  #interrupt(): void {
    this.firmware?.interrupt()
  }

  #receive(port: number, datagram: Datagram, isEreport: boolean): void {
    const firmware = this.firmware
    // Without power, halted, or with its network task down nobody hears.
    if (firmware === undefined || !firmware.supervisor.isRunning('net')) return this.counters.add('deaf')
    if (isEreport) {
      if (!firmware.supervisor.isRunning('snitch')) return this.counters.add('deaf')
      const answer = firmware.ereports.answer(datagram.payload)
      if (answer === undefined) return this.counters.add('malformed')
      this.#ports[port]?.send(answer, datagram.remoteAddress, datagram.remotePort, true)
      return
    }
    if (!firmware.supervisor.isRunning('control_plane_agent')) return this.counters.add('deaf')
    this.#handle(port, datagram)
  }

  #handle(port: number, { payload, remoteAddress, remotePort }: Datagram): void {
    const decoded = decodeDatagram(payload)
    const answer = (messageId: number, response: SpResponse, data?: Uint8Array): void => {
      this.counters.add('answers')
      const { bytes } = encodeDatagram(messageId, { kind: 'SpResponse', message: response }, data)
      this.#ports[port]?.send(bytes, remoteAddress, remotePort)
    }
    if (!decoded.ok) {
      this.counters.add('malformed')
      const reason = decoded.reason
      return answer(decoded.messageId ?? 0xffffffff, { kind: 'Error', error: { kind: 'BadRequest', reason } })
    }
    const { body, data, messageId, version } = decoded.datagram
    if (body.kind === 'MgsResponse') {
      if (this.firmware?.phase2.status?.state !== 'fetching') return this.counters.add('unexpected')
      return this.firmware.phase2.answer(messageId, body.message, data)
    }
    if (body.kind !== 'MgsRequest') {
      this.counters.add('malformed')
      const reason = { kind: 'WrongDirection' } as const
      return answer(messageId, { kind: 'Error', error: { kind: 'BadRequest', reason } })
    }
    this.counters.add('requests')
    this.#gateways[port] = { address: remoteAddress, port: remotePort }
    const key = `${port} ${remoteAddress} ${remotePort}`
    const pendingKey = `${key} ${messageId}`
    // The same request again while it is carried out: its answer will come once.
    if (this.#pending.has(pendingKey)) return
    const before = this.#answered.get(pendingKey)
    if (before !== undefined) return answer(messageId, before)
    const from = { key, port: port === 0 ? 'One' : 'Two', version } as const
    const result = this.#agent?.handle(body.message, data, from, (response) => {
      if (!this.#pending.delete(pendingKey)) return
      this.#remember(pendingKey, response)
      answer(messageId, response)
    })
    if (result === undefined || result === 'never') return
    if (result === 'later') this.#pending.add(pendingKey)
    else answer(messageId, result.response, result.data)
  }

  #remember(key: string, response: SpResponse): void {
    this.#answered.set(key, response)
    for (const oldest of this.#answered.keys()) {
      if (this.#answered.size <= REMEMBERED_ANSWERS) break
      this.#answered.delete(oldest)
    }
  }

  /** By each port in turn, to whoever asked there last. */
  #askPhase2(attempt: number, messageId: number, hash: Uint8Array, offset: bigint): number {
    const known = [...this.#gateways.entries()].flatMap(([port, at]) =>
      at === undefined ? [] : [{ port, address: at.address, remotePort: at.port }],
    )
    const chosen = known[attempt % Math.max(1, known.length)]
    if (chosen !== undefined) {
      const message = { kind: 'HostPhase2Data', hash, offset } as const
      const { bytes } = encodeDatagram(messageId, { kind: 'SpRequest', message })
      this.#ports[chosen.port]?.send(bytes, chosen.address, chosen.remotePort)
    }
    return known.length
  }

  #print(client: string, offset: bigint, bytes: Uint8Array): void {
    const [port, address, remotePort] = client.split(' ')
    if (address === undefined) return
    const message = { kind: 'SerialConsole', component: 'sp3-host-cpu', offset } as const
    const datagram = encodeDatagram(0, { kind: 'SpRequest', message }, bytes)
    this.#ports[Number(port)]?.send(datagram.bytes, address, Number(remotePort ?? MGS_PORT))
  }

  /** Why the last power sequence failed, while its host has no power because of it. */
  get powerFault(): PowerFault | undefined {
    return this.#firmware?.powerState === 'A2' ? this.#firmware.power.status.fault : undefined
  }
}

/** A first release of everything, with an older one beside it. */
export function firstRelease(board: string): SpFlash {
  const flash = (name: string, forBoard: string): BankedFlash =>
    newFlash(
      buildImage({ board: forBoard, name, version: '1.0.1' }),
      buildImage({ board: forBoard, name, version: '1.0.0' }),
    )
  return {
    sp: flash('sp', board),
    rot: flash('rot', ROT_BOARD),
    hostBoot: newFlash(buildImage({ board, name: 'host-boot', version: '1.0.1' })),
  }
}
