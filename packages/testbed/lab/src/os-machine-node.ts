/**
 * A node that is a virtual machine under QEMU: its NICs are Unix-socket streams to ports of the emulation, its console is its first
 * serial line, commands go over the second one.
 *
 * Where a template of a booted machine of the same shape is at hand, a machine is a clone of it: its memory is the template's,
 * copied page by page as it is written. Clones share everything, so name and MAC addresses are set anew. KVM is used where a probe
 * boot was quick enough; a machine whose KVM is there and of no use is common.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TcpListener } from '@lodestone/host'
import { StreamPort } from '@lodestone/link'
import { nodeMac } from './build/node-mac.ts'
import type { NodeOf } from './document/document.ts'
import { knownAccelerator, machineImage, machineRefusal, rememberAccelerator } from './os-machine-image.ts'
import { becomeClone, incoming, machineTemplate, outgoing } from './os-machine-template.ts'
import { Qemu, type QemuOptions } from './os-qemu.ts'
import type { RealNodeOptions } from './os-real-driver.ts'
import type { ConsoleSession, ExecOutput, LiveNode, NodeState } from './runtime/live-node.ts'
import { bridge } from './runtime/port-bridge.ts'

const BOOT_LIMIT_MS = 180_000
/** A KVM that is worth having boots within this. */
const PROBE_MS = 4000
const CONFIGURE_MS = 180_000
/** The memory is written with the state. */
const WITH_MEMORY = { capabilities: [{ capability: 'x-ignore-shared', state: false }] }

export class MachineNode implements LiveNode {
  readonly #document: NodeOf<'machine'>
  readonly #options: RealNodeOptions
  readonly #folder: string
  readonly #listeners: TcpListener[] = []
  readonly #ports: StreamPort[] = []
  #qemu: Qemu | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #state: NodeState = { state: 'off', detail: '' }

  constructor(document: NodeOf<'machine'>, options: RealNodeOptions) {
    this.#document = document
    this.#options = options
    this.#folder = join(options.directory, 'nodes', options.name)
  }

  get state(): NodeState {
    if (this.#qemu?.isRunning === false)
      return { state: 'failed', detail: `QEMU ended: ${this.#qemu.said.trim().slice(-200)}` }
    return this.#state
  }

  async start(): Promise<void> {
    const refusal = machineRefusal()
    if (refusal !== undefined) throw new Error(`${this.#options.name} is a machine: ${refusal}`)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const [label, port] of this.#options.ports) {
      const stream = new StreamPort(`${this.#options.name}/${label}`, this.#options.world.arena)
      bridge(port, stream)
      this.#ports.push(stream)
      const path = this.#socketOf(label)
      this.#listeners.push(
        await this.#options.network.listenTcp({ address: path, port: 0 }, (socket) => stream.connect(socket)),
      )
    }
    await this.#boot()
  }

  exec(command: string, output: ExecOutput, signal: AbortSignal): Promise<number> {
    return this.#inTurn(async () => {
      const qemu = this.#running()
      if (signal.aborted) throw new Error('given up before its turn')
      const interrupt = (): void => qemu.interrupt()
      if (machineImage().isInterruptible) signal.addEventListener('abort', interrupt, { once: true })
      try {
        return await qemu.run(command, (text) => output.write('stdout', text))
      } finally {
        signal.removeEventListener('abort', interrupt)
      }
    })
  }

  /** Commands, and whatever must not come between them, one after another. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work)
    this.#queue = done.catch(() => undefined)
    return done
  }

  #running(): Qemu {
    if (this.#qemu === undefined) throw new Error(`${this.#options.name} is off`)
    return this.#qemu
  }

  /** Its memory goes to a file with the rest of its state, as for a move to another host; it stands still meanwhile. */
  readonly memory = {
    save: (folder: string, name: string): Promise<string> =>
      this.#inTurn(async () => {
        const path = join(folder, `${name}.machine`)
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const qemu = this.#running()
        const isPaused = this.#state.state === 'paused'
        if (isPaused) qemu.signal('SIGCONT')
        const capabilities = { execute: 'migrate-set-capabilities', arguments: WITH_MEMORY }
        await qemu.monitor({ execute: 'stop' }, capabilities, outgoing(path))
        await qemu.migrated()
        await qemu.monitor({ execute: 'cont' })
        if (isPaused) qemu.signal('SIGSTOP')
        return path
      }),
    load: (path: string): Promise<void> =>
      this.#inTurn(async () => {
        if (!existsSync(path)) throw new Error(`its memory is not there any more: ${path}`)
        const startMs = this.#options.world.clock.nowMs()
        await this.#qemu?.stop()
        const accelerator = await this.#accelerator()
        const isClone = this.#document.clone
        const qemu = this.#begin(accelerator, { ...(isClone ? { memory: { kind: 'own' } } : {}), isIncoming: true })
        await qemu.monitor(incoming(path))
        await qemu.migrated()
        await qemu.monitor({ execute: 'cont' })
        await qemu.ready(BOOT_LIMIT_MS, false)
        this.#say(`restored in ${seconds(this.#options.world.clock.nowMs() - startMs)}`, accelerator)
      }),
  }

  console(onOutput: (bytes: Uint8Array) => void, onEnd: () => void): ConsoleSession {
    let close = onEnd
    let input: (bytes: Uint8Array) => void = () => undefined
    this.#qemu
      ?.socket('console.sock')
      .then((socket) => {
        socket.on('data', onOutput)
        socket.on('close', onEnd)
        input = (bytes) => void socket.write(bytes)
        close = () => socket.destroy()
      })
      .catch(onEnd)
    return { input: (bytes) => input(bytes), close: () => close() }
  }

  async setPower(isOn: boolean): Promise<void> {
    if (isOn) return this.#boot()
    await this.#qemu?.stop()
    this.#qemu = undefined
    this.#state = { state: 'off', detail: '' }
  }

  setPaused(isPaused: boolean): void {
    this.#qemu?.signal(isPaused ? 'SIGSTOP' : 'SIGCONT')
    this.#state = { ...this.#state, state: isPaused ? 'paused' : 'running' }
  }

  async close(): Promise<void> {
    await this.#qemu?.stop()
    this.#qemu = undefined
    for (const listener of this.#listeners.splice(0)) listener.close()
    for (const port of this.#ports.splice(0)) port.close()
    rmSync(this.#folder, { recursive: true, force: true })
    this.#state = { state: 'off', detail: 'closed' }
  }

  async #boot(): Promise<void> {
    const { clock } = this.#options.world
    const startMs = clock.nowMs()
    const accelerator = await this.#accelerator()
    const isClone = this.#document.clone
    const common = this.#common(accelerator)
    const template = isClone
      ? await machineTemplate({ qemu: common, nics: this.#options.ports.size, folder: this.#folder })
      : undefined
    const qemu = this.#begin(
      accelerator,
      template === undefined
        ? {}
        : { memory: { kind: 'file', path: template.memory, isShared: false }, isIncoming: true },
    )
    if (template !== undefined) await becomeClone(qemu, template)
    if (!(await qemu.ready(BOOT_LIMIT_MS, !isClone)))
      throw new Error(`${this.#options.name} did not boot: ${qemu.said.trim()}`)
    const runsMs = clock.nowMs()
    await this.#personalise(qemu)
    const took = `${isClone ? 'clone' : 'booted'} in ${seconds(runsMs - startMs)}`
    this.#say(`${took}, configured in ${seconds(clock.nowMs() - runsMs)}`, accelerator)
  }

  #begin(accelerator: 'kvm' | 'tcg', more: Pick<QemuOptions, 'memory' | 'isIncoming'>): Qemu {
    for (const name of ['console.sock', 'exec.sock', 'qmp.sock']) rmSync(join(this.#folder, name), { force: true })
    this.#qemu = new Qemu({
      ...this.#common(accelerator),
      folder: this.#folder,
      nics: this.#nics().map(({ mac, label }) => ({ mac, socket: this.#socketOf(label) })),
      ...more,
    })
    return this.#qemu
  }

  #say(took: string, accelerator: string): void {
    this.#state = { state: 'running', detail: `${took}, ${accelerator}, ${this.#document.memoryMb} MB` }
  }

  /** Clones share names and addresses with their template. */
  async #personalise(qemu: Qemu): Promise<void> {
    const commands = [`hostname ${this.#options.name}`]
    for (const [i, { label, mac, mtuBytes }] of this.#nics().entries()) {
      commands.push(
        `ip link set eth${i} address ${mac}${mtuBytes === undefined ? '' : ` mtu ${mtuBytes}`}`,
        `ip link set eth${i} up`,
      )
      for (const address of this.#document.interfaces[label]?.addresses ?? []) {
        commands.push(`ip addr add ${address} dev eth${i}`)
      }
    }
    commands.push(
      ...this.#document.routes.map(({ to, via }) => `ip route add ${to} via ${via}`),
      ...this.#document.exec,
    )
    let said = ''
    const code = await qemu.run(commands.join(' && '), (text) => (said += text), CONFIGURE_MS)
    if (code !== 0) throw new Error(`${this.#options.name}: ${said.trim()}`)
  }

  #nics(): readonly { readonly label: string; readonly mac: string; readonly mtuBytes: number | undefined }[] {
    const { lab, name, ports } = this.#options
    return [...ports.keys()].map((label) => {
      const spec = this.#document.interfaces[label]
      return { label, mac: spec?.mac ?? nodeMac(lab, name, label).toString(), mtuBytes: spec?.mtuBytes }
    })
  }

  #common(accelerator: 'kvm' | 'tcg'): Omit<QemuOptions, 'folder' | 'nics'> {
    return { directory: this.#options.directory, image: machineImage(), accelerator, memoryMb: this.#document.memoryMb }
  }

  #socketOf(label: string): string {
    return join(this.#folder, `${label}.sock`)
  }

  async #accelerator(): Promise<'kvm' | 'tcg'> {
    const { folder } = machineImage()
    const known = knownAccelerator(folder)
    if (known !== undefined) return known
    const probe = join(this.#folder, 'p')
    mkdirSync(probe, { recursive: true })
    const qemu = new Qemu({ ...this.#common('kvm'), folder: probe, nics: [] })
    const isQuick = await qemu.ready(PROBE_MS, true).catch(() => false)
    await qemu.stop()
    rmSync(probe, { recursive: true, force: true })
    rememberAccelerator(folder, isQuick ? 'kvm' : 'tcg')
    return isQuick ? 'kvm' : 'tcg'
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
