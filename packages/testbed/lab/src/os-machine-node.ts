/**
 * A node that is a virtual machine under QEMU: its NICs are Unix-socket streams to ports of the emulation, its console is its first
 * serial line, commands go over the second one.
 *
 * Where a template of a booted machine of the same shape is at hand, a machine is a clone of it: its memory is the template's,
 * copied page by page as it is written. Clones share everything, so name and MAC addresses are set anew. KVM is used where a probe
 * boot was quick enough; a machine whose KVM is there and of no use is common.
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TcpListener } from '@lodestone/host'
import { StreamPort } from '@lodestone/link'
import { nodeMac } from './build/node-mac.ts'
import type { NodeOf } from './document/document.ts'
import { knownAccelerator, machineImage, machineRefusal, rememberAccelerator } from './os-machine-image.ts'
import { Qemu, type QemuOptions } from './os-qemu.ts'
import type { RealNodeOptions } from './os-real-driver.ts'
import type { ConsoleSession, ExecOutput, LiveNode, NodeState } from './runtime/live-node.ts'
import { bridge } from './runtime/port-bridge.ts'

const BOOT_LIMIT_MS = 60_000
/** A KVM that is worth having boots within this. */
const PROBE_MS = 4000
const SHARED = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }

/** Templates that are being made in this process, by their path. */
const inTheMaking = new Map<string, Promise<void>>()

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

  exec(command: string, output: ExecOutput): Promise<number> {
    const work = this.#queue.then(async () => {
      if (this.#qemu === undefined) throw new Error(`${this.#options.name} is off`)
      const result = await this.#qemu.run(command)
      if (result.output !== '') output.write('stdout', `${result.output}\n`)
      return result.code
    })
    this.#queue = work.catch(() => undefined)
    return work
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
    const startMs = this.#options.world.clock.nowMs()
    const accelerator = await this.#accelerator()
    for (const name of ['console.sock', 'exec.sock', 'qmp.sock']) rmSync(join(this.#folder, name), { force: true })
    const isClone = this.#document.clone
    if (isClone) await this.#ensureTemplate(accelerator)
    const { memory, state } = this.#template(accelerator)
    const qemu = new Qemu({
      ...this.#common(accelerator),
      folder: this.#folder,
      nics: this.#nics().map(({ mac, label }) => ({ mac, socket: this.#socketOf(label) })),
      ...(isClone ? { memoryFile: { path: memory, isShared: false }, isIncoming: true } : {}),
    })
    this.#qemu = qemu
    if (isClone) {
      await qemu.monitor(
        { execute: 'migrate-set-capabilities', arguments: SHARED },
        { execute: 'migrate-incoming', arguments: { uri: `exec:cat '${state}'` } },
      )
      await qemu.migrated()
      await qemu.monitor({ execute: 'cont' })
    }
    if (!(await qemu.ready(BOOT_LIMIT_MS, !isClone)))
      throw new Error(`${this.#options.name} did not boot: ${qemu.said.trim()}`)
    const { clock } = this.#options.world
    const runsMs = clock.nowMs()
    await this.#personalise(qemu)
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
    const took = `${isClone ? 'clone' : 'booted'} in ${seconds(runsMs - startMs)}, configured in ${seconds(clock.nowMs() - runsMs)}`
    this.#state = {
      state: 'running',
      detail: `${took}, ${accelerator}, ${this.#document.memoryMb} MB`,
    }
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
    const { output, code } = await qemu.run(commands.join(' && '))
    if (code !== 0) throw new Error(`${this.#options.name}: ${output}`)
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

  #template(accelerator: 'kvm' | 'tcg'): { readonly memory: string; readonly state: string } {
    const base = join(
      machineImage().folder,
      `template-${accelerator}-${this.#document.memoryMb}-${this.#options.ports.size}`,
    )
    return { memory: `${base}.memory`, state: `${base}.state` }
  }

  async #ensureTemplate(accelerator: 'kvm' | 'tcg'): Promise<void> {
    const { state } = this.#template(accelerator)
    if (existsSync(state)) return
    let making = inTheMaking.get(state)
    if (making === undefined) {
      making = this.#makeTemplate(accelerator).finally(() => inTheMaking.delete(state))
      inTheMaking.set(state, making)
    }
    await making
  }

  /** Boots once, stops, and keeps memory and state. The state gets its name last, so that half a template is none. */
  async #makeTemplate(accelerator: 'kvm' | 'tcg'): Promise<void> {
    const { memory, state } = this.#template(accelerator)
    const folder = join(this.#folder, 't')
    mkdirSync(folder, { recursive: true })
    const qemu = new Qemu({
      ...this.#common(accelerator),
      folder,
      nics: this.#nics().map((_, i) => ({ mac: `52:54:00:00:00:0${i}`, socket: undefined })),
      memoryFile: { path: memory, isShared: true },
    })
    try {
      if (!(await qemu.ready(BOOT_LIMIT_MS, true))) throw new Error(`the template did not boot: ${qemu.said.trim()}`)
      await qemu.monitor(
        { execute: 'migrate-set-capabilities', arguments: SHARED },
        { execute: 'stop' },
        { execute: 'migrate', arguments: { uri: `exec:cat > '${state}.part'` } },
      )
      await qemu.migrated()
      renameSync(`${state}.part`, state)
    } finally {
      await qemu.stop()
      rmSync(folder, { recursive: true, force: true })
    }
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
