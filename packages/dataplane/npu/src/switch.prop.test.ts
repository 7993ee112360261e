import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BoundAction, KeySet } from '@lodestone/p4'
import { Duel } from './testing/duel.ts'
import { sourceProgram } from './testing/source-program.ts'

const SWITCH = sourceProgram('p4/switch.p4', (file) => readFileSync(file, 'utf8'))

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

const ETHERNET = '02000000aa01 02000000bb02'
const IPV6 = 'fd000000000000000000000000000001 fd000000000001000000000000000002'
const UDP4 = '45000020 00010000 4011 34c2 0a000001 cb007109 1000 0035 000c 0000 deadbeef'
const FRAMES = [
  `${ETHERNET} 0800 ${UDP4}`,
  `${ETHERNET} 8100 0005 0800 ${UDP4}`,
  // TCP, ICMP echo, ARP
  `${ETHERNET} 0800 45000028 00010000 4006 34c5 0a000001 cb007109 1000 0050 00000001 00000002 50020400 00000000`,
  `${ETHERNET} 0800 4500001c 00010000 4001 34d6 0a000001 cb007109 0800f7ff 00010001`,
  `ffffffffffff 02000000bb02 0806 0001 0800 06 04 0001 02000000bb02 0a000001 000000000000 0a0000fe`,
  // IPv6 UDP, ICMPv6
  `${ETHERNET} 86dd 60000000 000c 11 40 ${IPV6} 1000 0035 000c 1234 deadbeef`,
  `${ETHERNET} 86dd 60000000 0008 3a 40 ${IPV6} 8000 1234 00010002`,
  // Geneve over IPv6 with a guest's UDP inside
  `${ETHERNET} 86dd 60000000 0036 11 40 ${IPV6} c000 17c1 0036 0000 0000 6558 00000700
    ${ETHERNET} 0800 ${UDP4}`,
  // From the CPU port under a sidecar header
  `${ETHERNET} 0901 00 00 0001 0002 0800 00000000000000000000000000000000 ${UDP4}`,
].map(hex)

test('the interpreter agrees about the rack switch, whatever arrives and whatever its tables hold', () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const duel = new Duel(SWITCH)
      for (let round = 0; round < 40; round++) {
        const frame = g(fc.constantFrom, ...FRAMES).slice()
        for (let k = g(fc.nat, { max: 2 }); k > 0; k--) {
          frame[g(fc.nat, { max: frame.length - 1 })] = g(fc.nat, { max: 255 })
        }
        duel.send(frame, g(fc.nat, { max: 2 }))
        // What missed gets an entry that the same packet would hit, so that later rounds get further.
        for (const { table, keys, entry } of duel.interpreter.applied) {
          if (entry < 0 && keys.length > 0 && g(fc.boolean)) duel.add(table, around(g, table, keys), 1, some(g, table))
        }
      }
      duel.compareState()
    }),
    { numRuns: 8 },
  )
})

function around(g: fc.GeneratorValue, table: number, keys: readonly bigint[]): KeySet[] {
  return SWITCH.tables[table]!.keys.map(({ match, expression: { width } }, k): KeySet => {
    const value = keys[k]!
    const full = (1n << BigInt(width)) - 1n
    if (match === 'exact') return { kind: 'exact', value }
    if (g(fc.nat, { max: 3 }) === 0) return { kind: 'any' }
    if (match === 'range') return { kind: 'range', low: value >> 1n, high: value }
    if (match === 'optional') return { kind: 'exact', value }
    const length = g(fc.integer, { min: 0, max: width })
    const mask = full ^ ((1n << BigInt(width - length)) - 1n)
    return match === 'lpm'
      ? { kind: 'lpm', value: value & mask, length }
      : { kind: 'ternary', value: value & mask, mask }
  })
}

function some(g: fc.GeneratorValue, table: number): BoundAction {
  const { actions } = SWITCH.tables[table]!
  const action = g(fc.nat, { max: actions.length - 1 })
  const { parameters } = SWITCH.actions[actions[action]!.action]!
  return {
    action,
    parameters: parameters.map(({ width }) => g(fc.bigInt, { min: 0n, max: (1n << BigInt(Math.min(width, 3))) - 1n })),
  }
}
