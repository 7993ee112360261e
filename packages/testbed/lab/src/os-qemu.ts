/** One QEMU process: its arguments, its monitor (QMP) and the two serial lines, all over Unix sockets of the node's folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { TAG } from './os-lab-process.ts'
import type { MachineImage } from './os-machine-image.ts'

const POLL_MS = 10
const SOCKET_LIMIT_MS = 60_000
/** What the image prints on the second serial line when it is ready for commands, and after each one. */
const READY = '@@READY'
const EXIT = '@@EXIT '
const EXIT_LINE = /@@EXIT (\d+)\r?\n/

export interface QemuOptions {
  /** Sockets and the log. */
  readonly folder: string
  readonly directory: string
  readonly image: MachineImage
  readonly accelerator: 'kvm' | 'tcg'
  readonly memoryMb: number
  /** In the order of the guest's eth0, eth1 …; none of the sockets: a network that leads nowhere. */
  readonly nics: readonly { readonly mac: string; readonly socket: string | undefined }[]
  /** `file`: a template's, or of one in the making where shared. `own`: like that one's, but of nobody else. Absent: as QEMU likes. */
  readonly memory?:
    | { readonly kind: 'file'; readonly path: string; readonly isShared: boolean }
    | { readonly kind: 'own' }
  /** Waits for a state instead of booting. */
  readonly isIncoming?: boolean
}

export class Qemu {
  readonly #folder: string
  readonly #child: ChildProcess
  #exec: Socket | undefined
  #execText = ''
  #waiting: (() => void) | undefined

  constructor(options: QemuOptions) {
    this.#folder = options.folder
    this.#child = spawn('qemu-system-x86_64', qemuArguments(options), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, [TAG]: options.directory },
    })
    this.#child.on('error', () => undefined) // seen as an exit
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.said += text))
  }

  /** Its complaints. */
  said = ''

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined
  }

  /** Attaches to the second serial line and waits until the guest takes commands. */
  async ready(withinMs: number, isBooting: boolean): Promise<boolean> {
    this.#exec = await this.socket('exec.sock')
    this.#exec.setEncoding('utf8').on('data', (text: string) => {
      this.#execText += text
      this.#waiting?.()
    })
    if (!isBooting) return true
    return this.#until(() => this.#execText.includes(READY), withinMs)
  }

  /**
   * One command at a time; its output goes to `onText` as it comes.
   * @param withinMs undefined: as long as it takes. @returns its exit code.
   */
  async run(command: string, onText: (text: string) => void, withinMs?: number): Promise<number> {
    this.#execText = ''
    this.#exec?.write(`${command.replaceAll('\n', ' ')}\n`)
    let code: number | undefined
    const look = (): boolean => {
      const match = EXIT_LINE.exec(this.#execText)
      const end = match?.index ?? this.#execText.length - heldBack(this.#execText)
      const text = this.#execText.slice(0, end)
      this.#execText = this.#execText.slice(end)
      if (text !== '') onText(text.replaceAll('\r\n', '\n'))
      if (match !== null) code = Number(match[1])
      return match !== null
    }
    if (!(await this.#until(look, withinMs ?? Infinity)) || code === undefined) {
      throw new Error(this.isRunning ? `${command}: no answer from the machine` : 'the machine has ended')
    }
    return code
  }

  /** Ctrl-C for the command that runs. */
  interrupt(): void {
    this.#exec?.write('\x03')
  }

  /** QMP commands in order, over a connection of their own. Throws what QEMU says. */
  async monitor(...commands: readonly object[]): Promise<readonly unknown[]> {
    const socket = await this.socket('qmp.sock')
    const answers: unknown[] = []
    let rest = ''
    let wake: () => void = () => undefined
    socket.setEncoding('utf8').on('data', (text: string) => {
      rest += text
      const lines = rest.split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const message = JSON.parse(line) as { readonly return?: unknown; readonly error?: { readonly desc: string } }
        if ('return' in message || message.error !== undefined) answers.push(message)
      }
      wake()
    })
    try {
      for (const command of [{ execute: 'qmp_capabilities' }, ...commands]) {
        const count = answers.length
        socket.write(`${JSON.stringify(command)}\n`)
        while (answers.length === count && this.isRunning) {
          await new Promise<void>((resolve) => {
            wake = resolve
            setTimeout(resolve, POLL_MS)
          })
        }
        const answer = answers.at(-1) as { readonly error?: { readonly desc: string } } | undefined
        if (answer?.error !== undefined) throw new Error(answer.error.desc)
      }
      return answers.slice(1).map((answer) => (answer as { readonly return: unknown }).return)
    } finally {
      socket.destroy()
    }
  }

  /** Waits for a migration to end. */
  async migrated(): Promise<void> {
    for (;;) {
      const [state] = (await this.monitor({ execute: 'query-migrate' })) as readonly { readonly status?: string }[]
      if (state?.status === 'completed') return
      if (state?.status === 'failed' || !this.isRunning) throw new Error(`the state was not taken over: ${this.said}`)
      await delay(POLL_MS)
    }
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(name)
  }

  async stop(): Promise<void> {
    this.#exec?.destroy()
    const ended = new Promise<void>((resolve) =>
      this.isRunning ? this.#child.once('exit', () => resolve()) : resolve(),
    )
    this.signal('SIGKILL')
    await ended
  }

  /** Connects to one of its sockets as soon as it is there. */
  async socket(name: string): Promise<Socket> {
    const path = join(this.#folder, name)
    const endMs = performance.now() + SOCKET_LIMIT_MS
    for (;;) {
      if (existsSync(path)) {
        const socket = await new Promise<Socket | undefined>((resolve) => {
          const attempt = connect(path)
          attempt.once('connect', () => resolve(attempt))
          attempt.once('error', () => resolve(undefined))
        })
        if (socket !== undefined) {
          socket.on('error', () => undefined) // it ends with the machine
          return socket
        }
      }
      if (!this.isRunning || performance.now() > endMs)
        throw new Error(`QEMU did not start: ${this.said.trim() || 'no reason given'}`)
      await delay(POLL_MS)
    }
  }

  async #until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = performance.now() + withinMs
    while (!condition()) {
      if (!this.isRunning || performance.now() > endMs) return false
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
        setTimeout(resolve, 50)
      })
    }
    return true
  }
}

/** How many characters at the end could be the beginning of the line with the exit code, or of a line's end. */
function heldBack(text: string): number {
  const at = text.lastIndexOf('@@EXIT')
  if (at >= 0 && /^@@EXIT ?\d*\r?$/.test(text.slice(at))) return text.length - at
  for (let length = EXIT.length - 1; length > 0; length--) if (text.endsWith(EXIT.slice(0, length))) return length
  return text.endsWith('\r') ? 1 : 0
}

function qemuArguments(options: QemuOptions): readonly string[] {
  const { folder, image, accelerator, memoryMb, nics, memory } = options
  const size = `size=${memoryMb}M`
  const backend =
    memory === undefined
      ? undefined
      : memory.kind === 'own'
        ? `memory-backend-ram,id=m,${size}`
        : `memory-backend-file,id=m,${size},mem-path=${memory.path},share=${memory.isShared ? 'on' : 'off'}`
  const board = backend === undefined ? ['-M', 'pc'] : ['-M', 'pc,memory-backend=m', '-object', backend]
  return [
    ...['-accel', accelerator === 'kvm' ? 'kvm' : 'tcg,tb-size=32', '-m', String(memoryMb), '-smp', '1'],
    ...board,
    ...['-nodefaults', '-no-reboot', '-display', 'none'],
    ...['-serial', `unix:${join(folder, 'console.sock')},server=on,wait=off`],
    ...['-serial', `unix:${join(folder, 'exec.sock')},server=on,wait=off`],
    ...['-qmp', `unix:${join(folder, 'qmp.sock')},server=on,wait=off`],
    ...['-kernel', image.kernel, '-initrd', image.initramfs],
    ...['-append', 'console=ttyS0 quiet panic=-1 mitigations=off'],
    ...(options.isIncoming === true ? ['-incoming', 'defer'] : []),
    ...nics.flatMap(({ mac, socket }, i) => [
      '-netdev',
      socket === undefined
        ? `hubport,id=n${i},hubid=${i}`
        : `stream,id=n${i},server=off,addr.type=unix,addr.path=${socket}`,
      '-device',
      `virtio-net-pci,netdev=n${i},romfile=,mac=${mac}`,
    ]),
  ]
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
