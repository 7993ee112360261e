/**
 * Instructions a second through the generated code of the example core: `node packages/hardware/isf/bench/disassemble.ts`.
 * Not a test: prints the best of several rounds. The aim is 2 million disassembled instructions a second.
 */
import { readFileSync } from 'node:fs'
import {
  assemble,
  decode,
  disassemble,
  encode,
  instructionSet,
  type Instruction,
} from '../examples/packet-core/core.ts'
import { checkSpecification, createInstructionSet, disassembleWords } from '../src/index.ts'

const ROUNDS = 100
const WORDS = 20_000

/** Every instruction about as often, with random fields; from a generator of its own, so that runs compare. */
function randomWords(): Uint32Array {
  const words = new Uint32Array(WORDS)
  let seed = 1
  for (let index = 0; index < WORDS;) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const instruction = decode((seed ^ (seed >>> 16)) >>> 0)
    if (instruction !== undefined) words[index++] = encode(instruction)
  }
  return words
}

function measure(name: string, count: number, run: () => unknown): void {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    run()
    best = Math.min(best, Number(process.hrtime.bigint() - start))
  }
  console.log(`${name.padEnd(44)} ${((count / best) * 1e3).toFixed(2).padStart(8)} million/s`)
}

const words = randomWords()
const instructions = [...words].map((word) => decode(word)).filter((i): i is Instruction => i !== undefined)
const kinds = new Set(instructions.map((instruction) => instruction.kind))
console.log(`${WORDS} words, ${kinds.size} kinds of ${instructionSet.syntaxes.length}`)

let sum = 0
measure('generated: decode', WORDS, () => {
  for (let index = 0; index < WORDS; index++) if (decode(words[index] ?? 0) !== undefined) sum += 1
})
measure('generated: encode', WORDS, () => {
  for (const instruction of instructions) sum ^= encode(instruction)
})
measure('generated: disassemble (text of every word)', WORDS, () => {
  for (const line of disassemble(words)) sum += line.text.length
})
const text = disassemble(words)
  .slice(0, 2_000)
  .map((line) => line.text)
  .join('\n')
measure('generated: assemble', 2_000, () => assemble(text).words.length)

const source = readFileSync(new URL('../examples/packet-core/core.isf', import.meta.url), 'utf8')
const { specification } = checkSpecification(source)
if (specification !== undefined) {
  const set = createInstructionSet(specification)
  const few = words.subarray(0, 2_000)
  measure('interpreted: disassemble', few.length, () => disassembleWords(set, few).length)
}
if (sum === 0.5) console.log(sum)
