/** The worked example: a core described in ISF, whose emulator decodes with generated code. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  assemble,
  decode,
  disassemble,
  encode,
  instructionSet,
  isRegister,
  toRegister,
  type Register,
} from '../examples/packet-core/core.ts'
import { DropReason, PacketCore } from '../examples/packet-core/emulator.ts'
import { generateCore } from '../tools/generate.ts'
import { checkSpecification, formatSpecification, runExamples } from './index.ts'

const folder = new URL('../examples/packet-core/', import.meta.url)
const specificationText = readFileSync(new URL('core.isf', folder), 'utf8')
const route = assemble(readFileSync(new URL('route.asm', folder), 'utf8'))

test('the specification has no diagnostics and is formatted', () => {
  assert.deepEqual(checkSpecification(specificationText).diagnostics, [])
  assert.equal(formatSpecification(specificationText).text, specificationText)
})

test('generating again changes nothing', async () => {
  const file = readFileSync(new URL('core.ts', folder), 'utf8')
  assert.equal(file, await generateCore(), 'run node packages/hardware/isf/tools/generate.ts')
})

test('every example of the specification runs both ways, in generated code too', () => {
  const { specification } = checkSpecification(specificationText)
  assert.ok(specification !== undefined)
  assert.equal(specification.instructions.length, 45)
  const runs = runExamples(specification)
  assert.ok(runs.length >= 20)
  for (const { example, instruction, outcome } of runs) {
    assert.ok(outcome.isOk, example.text)
    const { words, diagnostics } = assemble(example.text)
    assert.deepEqual([words, diagnostics], [[outcome.word], []])
    const [line] = disassemble(words)
    assert.deepEqual([line?.text, line?.instruction?.kind], [outcome.text, instruction])
  }
})

test('registers are a type of their own, and a value that is none is refused', () => {
  const r3: Register = toRegister(3)
  // @ts-expect-error a plain number is no register
  const wrong: Register = 3
  assert.equal(wrong, r3)
  assert.throws(() => toRegister(16), RangeError)
  assert.ok(isRegister(15) && !isRegister(-1) && !isRegister(1.5))
  const add = { kind: 'Add', dst: r3, a: r3, b: r3 } as const
  assert.deepEqual(decode(encode(add)), add)
  assert.throws(() => encode({ kind: 'Jump', target: 1 << 14 }), RangeError)
})

test('the program assembles, and its disassembly assembles to the same words', () => {
  assert.deepEqual(route.diagnostics, [])
  const text = disassemble(route.words).map((line) => line.text)
  assert.deepEqual(assemble(text.join('\n')).words, route.words)
  assert.equal(instructionSet.wordBits, 32)
})

/** An Ethernet frame with an IPv4 header to 203.0.113.7; its checksum is right for a time to live of 64. */
function frame(timeToLive = 64, checksum = 0xb6c9): Uint8Array {
  const header = [
    0x45,
    0,
    0,
    24,
    0,
    1,
    0,
    0,
    timeToLive,
    17,
    checksum >> 8,
    checksum & 0xff,
    10,
    0,
    0,
    1,
    203,
    0,
    113,
    7,
  ]
  return Uint8Array.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, ...header, 1, 2, 3, 4])
}

/** The Internet checksum of the IPv4 header, computed apart from the core. */
function headerChecksum(packet: Uint8Array): number {
  let sum = 0
  for (let at = 14; at < 34; at += 2) sum += ((packet[at] ?? 0) << 8) | (packet[at + 1] ?? 0)
  sum = (sum & 0xffff) + (sum >>> 16)
  return (sum + (sum >>> 16)) & 0xffff
}

const tables = [new Map([[0xcb007107, 5]])]

function damagedToRight(packet: Uint8Array): Uint8Array {
  packet.set([0, 0], 24)
  const checksum = headerChecksum(packet) ^ 0xffff
  packet.set([checksum >> 8, checksum & 0xff], 24)
  return packet
}

test('single steps: program counter, registers and cycles after each instruction', () => {
  const core = new PacketCore({ program: route.words, packet: damagedToRight(frame()), tables })
  const steps: string[] = []
  for (let count = 0; count < 9; count++) {
    const at = core.programCounter
    const instruction = core.step()
    steps.push(`${at} ${instruction === undefined ? '-' : instructionSet.format(instruction)} @${core.cycles}`)
  }
  assert.deepEqual(steps, [
    '0 movi r0, 0 @1',
    '1 ldh r2, [r0 + 12] @3',
    '2 movi r3, 2048 @4',
    '3 bne r2, r3, 26 @6',
    '4 addi r1, r0, 14 @7',
    '5 ldb r2, [r1 + 0] @9',
    '6 andi r2, r2, 15 @10',
    '7 shli r2, r2, 2 @11',
    '8 csum r3, r1, r2 @16',
  ])
  assert.deepEqual([...core.registers.subarray(0, 4)], [0, 14, 20, 0])
  assert.equal(core.verdict, undefined)
})

test('a packet is routed: time to live one less, checksum right again, out of the port of its table entry', () => {
  const core = new PacketCore({ program: route.words, packet: damagedToRight(frame()), tables })
  assert.equal(core.run(), 'halted')
  assert.equal(core.verdict?.kind, 'forward')
  if (core.verdict?.kind !== 'forward') return
  assert.equal(core.verdict.port, 5)
  assert.equal(core.verdict.packet[22], 63)
  assert.equal(headerChecksum(core.verdict.packet), 0xffff)
  assert.equal(core.counters[0], 1)
})

test('breakpoints stop before the instruction, and running goes on from there', () => {
  const core = new PacketCore({ program: route.words, packet: damagedToRight(frame()), tables })
  const lookup = route.listing.find((line) => line.source.startsWith('lkp'))?.address ?? -1
  core.breakpoints.add(lookup)
  assert.equal(core.run(), 'breakpoint')
  assert.equal(core.programCounter, lookup)
  assert.equal(core.registers[5], 0xcb007107)
  assert.equal(core.run(), 'halted')
})

test('every way to lose a packet has its reason', () => {
  const reason = (packet: Uint8Array, program = route.words): unknown => {
    const core = new PacketCore({ program, packet, tables: [] })
    core.run(100)
    return core.verdict?.kind === 'drop' ? core.verdict.reason : core.verdict?.kind
  }
  assert.equal(reason(damagedToRight(frame())), DropReason.noRoute)
  assert.equal(reason(damagedToRight(frame(1))), DropReason.timeToLive)
  assert.equal(reason(frame(64, 0x1234)), DropReason.none)
  assert.equal(reason(new Uint8Array(13)), DropReason.outsidePacket)
  assert.equal(reason(frame(), assemble('push 100\npush 100').words), DropReason.noHeadroom)
  assert.equal(reason(frame(), [0x7f]), DropReason.notAnInstruction)
  assert.equal(reason(frame(), assemble('loop: jmp loop').words), undefined)
})

test('the other instructions do what their documentation says', () => {
  const run = (text: string): PacketCore => {
    const { words, diagnostics } = assemble(`${text}\ndrop`)
    assert.deepEqual(diagnostics, [])
    const core = new PacketCore({ program: words, packet: Uint8Array.of(1, 2, 3, 4, 5, 6), ingressPort: 9 })
    assert.equal(core.run(), 'halted')
    return core
  }
  assert.deepEqual(
    [...run('len r1\nldw r2, [r0 + 1]\nldh.le r3, [r0 + 0]').registers.subarray(1, 4)],
    [6, 0x02030405, 0x0201],
  )
  assert.deepEqual([...run('sth.le [r0 + 2], r15\nstb [r0 + 0], r15').packet()], [9, 2, 9, 0, 5, 6])
  assert.deepEqual([...run('pull 4\npush 1').packet()], [0, 5, 6])
  assert.equal(run('movi.hi r1, 0xabcd\nmovi.keep r1, 0x1234').registers[1], 0xabcd1234)
  assert.equal(run('movi r1, 0xffff\nmovi r2, 0xffff\nmul r3, r1, r2\nnot r3, r3').registers[3], 0x0001fffe)
  assert.equal(run('movi r2, 3\nsts s250.2, r15\nlds r1, s253').registers[1], 9)
  assert.equal(run('call f\nmov r2, r1\njmp end\nf: movi r1, 8\nret\nend: nop').registers[2], 8)
  assert.equal(run('subi r1, r0, 1\nslt r2, r0, r1\nshri r3, r1, 28').registers[3], 15)
  assert.equal(run('movi r1, 6\ncsum.raw r2, r0, r1').registers[2], 0x090c)
  assert.deepEqual(run('mirror r15\npull 5').mirrored, [{ port: 9, packet: Uint8Array.of(1, 2, 3, 4, 5, 6) }])
})
