/**
 * BMv2's `simple_switch` or `psa_switch` with a compiled program, as a process: packets in and out by a Unix socket, its
 * control plane on a loopback port.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { NanomsgPair } from './nanomsg-pair.ts'
import { ThriftClient } from './thrift-client.ts'

const PACKET_IN = 3
const PACKET_OUT = 4
const HEADER_BYTES = 12
const START_MS = 20_000
const LOOK_MS = 20

export interface SentPacket {
  readonly port: number
  readonly bytes: Uint8Array
}

export interface SwitchSetup {
  readonly program: 'simple_switch' | 'psa_switch'
  readonly jsonPath: string
  /** Short: the path of a Unix socket in it has 107 bytes at most. */
  readonly folder: string
  /** Writes what the switch does with each packet to `log.txt` there. */
  readonly hasLog?: boolean
}

export class Bmv2Switch {
  /** What came out since it was last taken. */
  readonly #sent: SentPacket[] = []
  readonly #child: ChildProcess
  readonly #folder: string
  #packets: NanomsgPair | undefined
  #thrift: ThriftClient | undefined
  #wake: (() => void) | undefined

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  static async start({ program, jsonPath, folder, hasLog = false }: SwitchSetup): Promise<Bmv2Switch> {
    const port = await freePort()
    const output = openSync(join(folder, 'switch.txt'), 'w')
    const child = spawn(
      program,
      [
        ...['--packet-in', `ipc://${join(folder, 'packets')}`],
        ...['--thrift-port', String(port)],
        ...['--notifications-addr', `ipc://${join(folder, 'notes')}`],
        ...(hasLog ? ['--log-file', join(folder, 'log'), '--log-flush', '--log-level', 'trace'] : []),
        jsonPath,
      ],
      { stdio: ['ignore', output, output], cwd: folder },
    )
    const started = new Bmv2Switch(child, folder)
    try {
      const take = (message: Buffer): void => started.#take(message)
      started.#packets = await started.#eventually(() => NanomsgPair.connect(join(folder, 'packets'), take))
      started.#thrift = await started.#eventually(() => ThriftClient.connect(port))
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  }

  /** Its control plane. */
  get thrift(): ThriftClient {
    return this.#thrift!
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** How it ended, with the last of what it printed. */
  get ending(): string {
    const { exitCode, signalCode } = this.#child
    const printed = readFileSync(join(this.#folder, 'switch.txt'), 'utf8').trim().split('\n').slice(-3).join(' | ')
    return `${signalCode ?? `exit status ${exitCode}`}: ${printed}`
  }

  send(port: number, bytes: Uint8Array): void {
    const message = Buffer.alloc(HEADER_BYTES + bytes.length)
    message.writeInt32LE(PACKET_IN, 0)
    message.writeInt32LE(port, 4)
    message.writeInt32LE(bytes.length, 8)
    message.set(bytes, HEADER_BYTES)
    this.#packets!.send(message)
  }

  /** What came out so far, once: waits until there are so many packets, or for so long. */
  async sent(count: number, patienceMs: number): Promise<readonly SentPacket[]> {
    const endMs = performance.now() + patienceMs
    while (this.#sent.length < count && this.isRunning) {
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) break
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      const timer = setTimeout(resolve, Math.min(leftMs, 200))
      await promise
      clearTimeout(timer)
      this.#wake = undefined
    }
    return this.#sent.splice(0)
  }

  async stop(): Promise<void> {
    this.#packets?.close()
    this.#thrift?.close()
    if (!this.isRunning) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  #take(message: Buffer): void {
    if (message.readInt32LE(0) !== PACKET_OUT) return
    this.#sent.push({ port: message.readInt32LE(4), bytes: message.subarray(HEADER_BYTES) })
    this.#wake?.()
  }

  async #eventually<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const endMs = performance.now() + START_MS
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!this.isRunning) throw new Error(this.ending, { cause: error })
        if (performance.now() > endMs) throw error
      }
      await pause(LOOK_MS)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') throw new Error('a TCP server has an address')
      server.close(() => resolve(address.port))
    })
  })
}
