/**
 * Random programs, of the generator that our own back ends are compared with, in BMv2 and in ours. Statements that p4c's back
 * end for BMv2 refuses are taken out of a program until it accepts it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Draw } from '../../../packages/dataplane/npu/src/testing/draw.ts'
import { SourceGenerator } from '../../../packages/dataplane/npu/src/testing/source-generator.ts'
import { compilerOf } from '../../../packages/dataplane/npu/src/testing/source-program.ts'
import { compare } from './comparison.ts'
import { addEntries, plannedEntries } from './entries.ts'
import { compileForBmv2 } from './p4c.ts'
import { PacketSource, type TestPacket } from './packets.ts'
import type { Trial, TrialOptions } from './sample-program.ts'

const ROUNDS_MAX = 25
const SEED_PACKETS = 12
/** Of a program, apart from those of its fixed parts: p4c's time goes with them. */
const STATEMENTS_MAX = 45
const STATEMENT =
  /^\s*(meta\.|hdr\.|verify\(|[lxv]\d* = |exchange|swap|narrow|broad|counts|if \(|switch \(|for \(|\w+\.apply)/
const FIXED = /if \(c\)|inner\.apply|(sub|far|tail|inner)\.apply\(pkt|hdr\.observer|\.asked|extract/
/** What p4c's back end refuses or BMv2 says something else for at every run, and what stands for it. */
const SUBSTITUTES: readonly (readonly [RegExp, string])[] = [
  [/<psa\.p4>/, '<bmv2/psa.p4>'],
  [/ \/ \(/g, ' & ('],
  [/ % \(/g, ' ^ ('],
  [/meta\.boxed == \{.*?\}/g, 'meta.boxed.value == 16w1'],
  [/ig\.ingress_global_timestamp/g, '48w5'],
  [/\(\(bit<64>\)\(TimestampUint_t\)\(ig\.\w+_timestamp\)\)/g, '64w5'],
  [/random\((\w+), .*?\);/g, '$1 = 16w5;'],
  [/hdr\.loop\.lastIndex, rounds/g, '(bit<32>)rounds, rounds'],
  [/\(kinds, 3, _\): tails;/g, ''],
  [/^( *)-(\d+:)$/gm, '$11$2'],
  [/hdr\.us\[meta\.index\]\.isValid/g, 'hdr.us[1].left.isValid'],
  [/hdr\.us\[meta\.index\]/g, 'hdr.us[0]'],
  [/hdr\.loop\[meta\.index\](?!\.j)/g, 'hdr.loop[1]'],
  [/(<<|>>) \d+w\d+/g, '$1 3'],
  // An exit loses what p4c copied for the call.
  [/y = true; exit;/g, 'y = true;'],
  [/-5 \.\. 64s7/g, '0 .. 64s7'],
  [/\(pair_t given, bool how\)/g, '(bit<16> given, bit<1> how)'],
  [/meta\.other = \(how \? given : meta\.pair\);/g, 'meta.other.x = (how == 1 ? given : meta.pair.x);'],
  [/meta\.pair\.z = how;/g, 'meta.pair.z = (how == 1);'],
  [/dice\.read\(\)/g, '16w5'],
  // p4c drops what a variable was; where a register or meter has no such cell, nothing is written either.
  [/(bit<\d+> \w+) = [59];(?=\s+\w+\.(?:execute_meter|read)\()/g, '$1 = 0;'],
]
const compileOurs = compilerOf((file) => readFileSync(file, 'utf8'), true)

export async function tryRandom(
  architecture: 'v1model' | 'psa',
  { seed, packets: count, work }: TrialOptions,
): Promise<Trial> {
  const path = join(work, `random-${seed}.p4`)
  const jsonPath = join(work, `random-${seed}.json`)
  const first = randomSource(architecture, seed)
  const text = acceptable(first, path, jsonPath, architecture)
  if (typeof text !== 'string') return { kind: 'left', why: text.why }
  const program = compileOurs(text)
  if (typeof program === 'string') return { kind: 'left', why: `ours: ${program}` }
  const draw = new Draw(seed)
  const seeds = Array.from({ length: SEED_PACKETS }, () => seedPacket(draw))
  const packets = new PacketSource(draw, seeds, text).packets(count)
  const entries = plannedEntries(program, packets, draw)
  const subject = { program, jsonPath, folder: join(work, `run-${process.pid}`) }
  const comparison = await compare(
    { ...subject, prepare: (ours, theirs) => addEntries(entries, ours, theirs) },
    packets,
  )
  return { kind: 'compared', comparison }
}

/** As far as can be told without p4c, what it accepts. */
export function randomSource(architecture: 'v1model' | 'psa', seed: number): string {
  const generated = comparable(new SourceGenerator(seed, architecture).program())
  return thinned(withoutUserExterns(generated), new Draw(seed + 1))
}

/** What the parsers of random programs go far with. */
function seedPacket(draw: Draw): TestPacket {
  const bytes = Uint8Array.from({ length: 30 + draw.below(80) }, () => draw.below(256))
  if (!draw.chance(8)) bytes[0] = draw.below(16)
  if (draw.chance(3)) bytes.fill(0, 1, 8)
  return { port: draw.below(4), bytes }
}

function acceptable(
  first: string,
  path: string,
  jsonPath: string,
  architecture: 'v1model' | 'psa',
): string | { readonly why: string } {
  let text = first
  for (let round = 0; round < ROUNDS_MAX; round++) {
    writeFileSync(path, text)
    const outcome = compileForBmv2(path, jsonPath, architecture)
    if (outcome.ok) return text
    const smaller = without(withoutActions(text, outcome.unknown), new Set(outcome.lines))
    if (smaller === text) return { why: `p4c: ${outcome.message}` }
    text = smaller
  }
  return { why: 'p4c still refuses it' }
}

/** Leaves out of tables' lists the actions that are gone. */
function withoutActions(text: string, names: readonly string[]): string {
  const isGone = (item: string): boolean => names.includes(/\w+/.exec(item.replace(/@\w+/, ''))?.[0] ?? '')
  return text.replaceAll(/actions = \{(.*)\}/g, (_, list: string) => {
    const kept = list.split(';').filter((item) => !isGone(item))
    return `actions = {${kept.join(';')}}`
  })
}

/** With what stands for things that cannot be compared. */
function comparable(text: string): string {
  const substituted = SUBSTITUTES.reduce((before, [pattern, replacement]) => before.replace(pattern, replacement), text)
  return withoutBools(withoutChoices(substituted))
}

/** p4c does not always find the type parameter of a generic function any more. */
function withoutChoices(text: string): string {
  let left = text
  for (let at = left.lastIndexOf('choose('); at >= 0; at = left.lastIndexOf('choose(', at)) {
    const parts: string[] = []
    let depth = 0
    let from = at + 7
    let end = from
    for (; depth >= 0; end++) {
      const letter = left[end]!
      if ('([{'.includes(letter)) depth++
      else if (')]}'.includes(letter)) depth--
      if (depth < 0 || (letter === ',' && depth === 0)) {
        parts.push(left.slice(from, end).trim())
        from = end + 1
      }
    }
    left = `${left.slice(0, at)}(${parts[0]!} ? ${parts[1]!} : ${parts[2]!})${left.slice(end)}`
  }
  return left
}

/** A control plane of BMv2 gives actions numbers only. */
function withoutBools(text: string): string {
  let names: readonly string[] = []
  return text
    .split('\n')
    .map((line) => {
      const list = /^\s*action \w+\((.*)\)$/.exec(line)?.[1]
      if (list === undefined) {
        return names.reduce((left, name) => left.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `(${name} == 1)`), line)
      }
      names = [...list.matchAll(/(?:^|, )bool (a\d)/g)].map(([, name]) => name!)
      return line.replaceAll(/(^.*\(|, )bool (a\d)/g, '$1bit<1> $2')
    })
    .join('\n')
}

/** Leaves out statements and blocks, whichever, until few are left; and what p4c refuses. */
function thinned(first: string, draw: Draw): string {
  let text = first
  for (;;) {
    const lines = text.split('\n')
    const statements = lines.flatMap((line, k) => (STATEMENT.test(line) && !FIXED.test(line) ? [k] : []))
    const refused = statements.find((k) => isRefused(lines, k))
    if (refused === undefined && statements.length <= STATEMENTS_MAX) return text
    const at = refused ?? draw.pick(statements)
    text = without(text, new Set([at + 1]))
  }
}

/**
 * A table applied again, switches in actions, loops over ranges and stacks and all that are not in actions (p4c has those
 * run once), slices and concatenations of signed values, shifts by more than 8 bits, calls of functions in parsers (which
 * become conditions), conditions in deparsers, externs under conditions in actions.
 */
function isRefused(lines: readonly string[], k: number): boolean {
  const line = lines[k]!
  if (/^\s*(meta\.i\d+|hdr\.first\.c|hdr\.wide\.[fi]|\S+\.[ly])\[/.test(line)) return true
  const table = /(\w+)\.apply\(\)/.exec(line)?.[1]
  if (table !== undefined && lines.findIndex((one) => one.includes(`${table}.apply()`)) < k) return true
  if (/loop\[meta\.index\]\S* \S*= /.test(line) && isWithin(lines, k, 'parser ')) return true
  if (/\+\+/.test(line) && /int<|\ds\d|\+\+ \(-|\.[ylcfi]\b|meta\.i\d/.test(line)) return true
  if (/^\s*if/.test(line) && isWithin(lines, k, 'control D')) return true
  if (/(<<|>>) (?!\d+\b|\(*bit<[38]>|3w|8w)/.test(line)) return true
  if (/for \(\S+ \w+ in /.test(line)) return true
  if (/for \(/.test(line) && !isWithin(lines, k, 'action ')) return true
  const isConditional = isWithin(lines, k, 'if ') || isWithin(lines, k, 'else')
  if (isConditional && /^\s*(counts|narrow|broad)\./.test(line) && isWithin(lines, k, 'action ')) return true
  if (/switch/.test(line)) return isWithin(lines, k, 'action ')
  return /\bfn\d+\(/.test(line) && isWithin(lines, k, 'parser ')
}

/** Lines are indented by their depth. */
function isWithin(lines: readonly string[], k: number, start: string): boolean {
  let depth = lines[k]!.search(/\S/)
  for (let at = k - 1; at >= 0 && depth > 0; at--) {
    const own = lines[at]!.search(/\S/)
    if (own >= depth || lines[at]!.trim() === '{') continue
    if (lines[at]!.startsWith(start, own)) return true
    depth = own
  }
  return false
}

function withoutUserExterns(text: string): string {
  const lines = text.split('\n')
  const named = lines.flatMap((line, k) => (/\b(twist|split|broaden|[Rr]ecall)\b/.test(line) ? [k + 1] : []))
  return without(text, new Set(named))
}

/** Leaves out these lines, counted from 1, and the block that one of them begins. */
function without(text: string, numbers: ReadonlySet<number>): string {
  const lines = text.split('\n')
  const left: string[] = []
  for (let k = 0; k < lines.length; k++) {
    const line = lines[k]!
    const mayGo = !/^\s*([{}]|else|state |table |actions = |key = |apply|control |parser |#)/.test(line)
    if (!numbers.has(k + 1) || !mayGo) {
      left.push(line)
      continue
    }
    k = endOfBlock(lines, k)
    if (lines[k + 1]?.trim() === 'else') k = endOfBlock(lines, k + 1)
  }
  return left.join('\n')
}

/** Of the block behind line `k`; that line itself when there is none. */
function endOfBlock(lines: readonly string[], k: number): number {
  if (lines[k + 1]?.trim() !== '{') return k
  let depth = 0
  let end = k
  do {
    end++
    depth += lines[end]!.split('{').length - lines[end]!.split('}').length
  } while (depth > 0)
  return end
}
