/**
 * One program in BMv2 and in ours: the same packets, one after the other, must leave by the same ports with the same bytes.
 * At first packets follow each other as soon as those that ours sends have come out of BMv2; what each port saw is compared.
 * When anything differs all is done again with a pause behind each packet, to tell which ones differ.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { Arena } from '@lodestone/frame'
import { type Batch, createBatch, createPipeline, type Pipeline } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import { Bmv2Control, type CompiledJson } from './control.ts'
import type { TestPacket } from './packets.ts'
import { Bmv2Switch, type SentPacket } from './switch.ts'
import { ThriftRefusal } from './thrift-client.ts'

/** For a packet that ours sends. */
const PATIENCE_MS = 1500
/** After which nothing more is expected to come. */
const SETTLE_MS = 150
/** Behind each packet of a slow run. */
const PACKET_PAUSE_MS = 15
const LONE_MAX = 6
/** Ours has no ports above; psa programs that take one from a packet send to any of 32 bits. */
const PORT_MAX = 0xffff
/** Of a counter, as each is a call. */
const CELLS_MAX = 64
/** What BMv2 tells of a register that holds more. */
const REGISTER_MAX = (1n << 63n) - 1n

export interface Subject {
  readonly program: Program
  readonly jsonPath: string
  /** Where the switch may write; it is made, and removed. */
  readonly folder: string
  /** What the control plane writes before the first packet. */
  readonly prepare?: (pipeline: Pipeline, control: Bmv2Control) => Promise<void>
}

export interface Difference {
  readonly index: number
  readonly port: number
  readonly packet: string
  /** `port:bytes` of each packet that came out. */
  readonly ours: readonly string[]
  readonly theirs: readonly string[]
  /** Whether it also differs as the first packet; undefined when that was not tried. */
  readonly alone: boolean | undefined
}

export interface Comparison {
  readonly packets: number
  /** Packets that BMv2 sent. */
  readonly sent: number
  readonly differences: readonly Difference[]
  /** How BMv2 ended, if it did by itself, and at which packet. */
  readonly ending?: { readonly index: number; readonly text: string }
  /** The whole run differed, packets one by one did not. */
  readonly isFleeting?: boolean
  /** Registers and counters that differ in the end. */
  readonly state: readonly string[]
}

export async function compare(subject: Subject, packets: readonly TestPacket[]): Promise<Comparison> {
  const fast = await run(subject, packets, 0)
  if (fast.ending === undefined && sameByPort(fast.ours.flat(), fast.theirs.flat())) {
    return { packets: packets.length, sent: fast.theirs.flat().length, differences: [], state: fast.state }
  }
  const slow = await run(subject, packets, PACKET_PAUSE_MS)
  const { ours, theirs, ending } = slow
  const differing = theirs.flatMap((sent, index) => {
    if (ending !== undefined && index >= ending.index) return []
    return sameByPort(ours[index]!, sent) ? [] : [index]
  })
  const differences: Difference[] = []
  for (const [k, index] of differing.entries()) {
    const { port, bytes } = packets[index]!
    let alone: boolean | undefined
    if (k < LONE_MAX) {
      const lone = await run(subject, [packets[index]!], PACKET_PAUSE_MS)
      alone = lone.ending !== undefined || !sameByPort(lone.ours.flat(), lone.theirs.flat())
    }
    const packet = Buffer.from(bytes).toString('hex')
    differences.push({ index, port, packet, ours: texts(ours[index]!), theirs: texts(theirs[index]!), alone })
  }
  return {
    packets: ending?.index ?? packets.length,
    sent: theirs.flat().length,
    differences,
    // What a packet that differs left behind is no news.
    state: differences.length === 0 ? slow.state : [],
    ...(ending === undefined ? {} : { ending }),
    ...(ending === undefined && differences.length === 0 ? { isFleeting: true } : {}),
  }
}

interface Run {
  /** By packet. */
  readonly ours: readonly (readonly SentPacket[])[]
  /** By packet as well, though in a run without pauses packets may be among those of later ones. */
  readonly theirs: readonly (readonly SentPacket[])[]
  readonly ending?: { readonly index: number; readonly text: string }
  readonly state: readonly string[]
}

async function run(subject: Subject, packets: readonly TestPacket[], pauseMs: number): Promise<Run> {
  const { program, jsonPath, folder, prepare } = subject
  const name = program.architecture === 'psa' ? 'psa_switch' : 'simple_switch'
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const theirSwitch = await Bmv2Switch.start({ program: name, jsonPath, folder })
  try {
    const ours = new OurSwitch(program)
    const json = JSON.parse(readFileSync(jsonPath, 'utf8')) as CompiledJson
    const control = new Bmv2Control(theirSwitch.thrift, json, name)
    await prepare?.(ours.pipeline, control)
    const expected: SentPacket[][] = []
    const theirs: SentPacket[][] = []
    let lacking = 0
    for (const [index, { port, bytes }] of packets.entries()) {
      const sent = ours.send(port, bytes)
      expected.push(sent)
      theirSwitch.send(port, bytes)
      const isLast = index === packets.length - 1
      const want = Math.max(0, sent.length + lacking)
      const came = [...(await theirSwitch.sent(want, sent.length > 0 ? PATIENCE_MS : 0))]
      if (pauseMs > 0 || isLast) came.push(...(await theirSwitch.sent(Infinity, isLast ? SETTLE_MS : pauseMs)))
      theirs.push(came)
      // What is late after so long does not come; what came early is not waited for again.
      lacking = sent.length > 0 && came.length < want ? 0 : want - came.length
      if (!theirSwitch.isRunning) {
        return { ours: expected, theirs, ending: { index, text: theirSwitch.ending }, state: [] }
      }
    }
    return { ours: expected, theirs, state: await stateDifferences(program, ours.pipeline, control) }
  } finally {
    await theirSwitch.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Registers as far as BMv2 tells them, and counters. */
async function stateDifferences(program: Program, pipeline: Pipeline, control: Bmv2Control): Promise<string[]> {
  const found: string[] = []
  for (const { kind, name } of program.externs) {
    try {
      if (kind === 'register') {
        for (const [k, theirs] of (await control.register(name)).entries()) {
          const held = pipeline.readRegister(name, k) ?? 0n
          const ours = held > REGISTER_MAX ? REGISTER_MAX : held
          if (ours !== theirs) found.push(`${name}[${k}] is ${ours}, in BMv2 ${theirs}`)
        }
      } else if (kind === 'counter') {
        for (const [k, ours] of (pipeline.counter(name) ?? []).entries()) {
          if (k >= CELLS_MAX) break
          const theirs = await control.counter(name, k)
          if (ours.packets === theirs.packets && ours.bytes === theirs.bytes) continue
          found.push(
            `${name}[${k}] has ${ours.packets} packets and ${ours.bytes} bytes, in BMv2 ${theirs.packets} and ${theirs.bytes}`,
          )
        }
      }
    } catch (error) {
      // p4c leaves out what no code uses.
      if (!(error instanceof ThriftRefusal)) throw error
    }
  }
  return found
}

class OurSwitch {
  readonly pipeline: Pipeline
  readonly #arena = new Arena({ slots: 512, slotBytes: 4096, headroomBytes: 2046 })
  readonly #batch: Batch = createBatch(1, 4096)
  readonly #clock = { ms: 1000 }

  constructor(program: Program) {
    this.pipeline = createPipeline(program, { arena: this.#arena, nowMs: () => this.#clock.ms })
  }

  send(port: number, bytes: Uint8Array): SentPacket[] {
    this.#clock.ms++
    const batch = this.#batch
    batch.slots[0] = this.#arena.from(bytes)
    batch.ports[0] = port
    batch.count = 1
    this.pipeline.process(batch)
    return Array.from({ length: batch.outCount }, (_, k) => {
      const slot = batch.outSlots[k]!
      const sent = { port: batch.outPorts[k]!, bytes: this.#arena.peek(slot).slice() }
      this.#arena.free(slot)
      return sent
    })
  }
}

/** In order on each port; between ports there is no order. */
function sameByPort(a: readonly SentPacket[], theirs: readonly SentPacket[]): boolean {
  const b = theirs.filter(({ port }) => port >= 0 && port <= PORT_MAX)
  if (a.length !== b.length) return false
  const [left, right] = [byPort(a), byPort(b)]
  return left.every((text, k) => text === right[k])
}

function byPort(packets: readonly SentPacket[]): string[] {
  return texts(packets.toSorted((a, b) => a.port - b.port))
}

function texts(packets: readonly SentPacket[]): string[] {
  return packets.map(({ port, bytes }) => `${port}:${Buffer.from(bytes).toString('hex')}`)
}
