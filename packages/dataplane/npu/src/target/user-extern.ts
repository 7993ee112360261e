/**
 * Extern functions and objects that the user supplies. Generated code leaves the arguments in memory 1 and calls one
 * imported function with the description of the call.
 *
 * A function is found under its name. A method is found under `instance.method` or `Type.method`, or in a class named like
 * the extern type, of which every instance of the program is made with its constructor arguments. They get the `in` and
 * `inout` arguments in the order of their parameters: bits as bigint (two's complement for `int`), structs as one bigint
 * per field. They answer with the value (where there is one thing to give: what the function returns, or its one `out`
 * parameter), or with an object of `out` and `inout` parameters by name (`p`, `p.field`) and `return`. What they leave out
 * stays as it was, and so does everything when they throw or answer with what is no number, which is told as a mistake.
 */
import type { ExternCallShape, Generated } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

export type ExternAnswer = bigint | boolean | number | void | { readonly [name: string]: bigint | boolean | number }
export type ExternFunction = (...inputs: bigint[]) => ExternAnswer
export type ExternClass = new (...args: bigint[]) => object
export type ExternTable = { readonly [name: string]: ExternFunction | ExternClass | undefined }

/** Who is told of calls that changed nothing. */
export interface ExternTrouble {
  /** Nobody supplied the extern. */
  readonly unknown: (name: string, inputs: readonly bigint[]) => void
  /** The user's code threw, or answered with what cannot be used. */
  readonly mistaken: (sentence: string, inputs: readonly bigint[]) => void
}

/** The `extern` import of a module. */
export function externImport(
  generated: Generated,
  state: StateMemory,
  externs: ExternTable,
  { unknown, mistaken }: ExternTrouble,
): (shape: number) => void {
  const shapes = new Map<number, ExternCallShape>()
  const objects = new Map<string, object>()
  const { messages, layout } = generated
  return (index) => {
    let shape = shapes.get(index)
    if (shape === undefined) {
      // The text is the compiler's own.
      shape = JSON.parse(messages[index]!) as ExternCallShape
      shapes.set(index, shape)
    }
    const cursor = { at: layout.externCall >> 3 }
    const inputs = shape.inputs.map((width) => readWords(state, cursor, width))
    let values: readonly (bigint | undefined)[]
    try {
      const run = resolve(shape, externs, objects)
      if (run === undefined) return unknown(shape.names[0]!, inputs)
      values = answersOf(shape, run(...inputs))
    } catch (error) {
      // Whatever the user's code throws; the packet goes on.
      return mistaken(`${shape.names[0]!}: ${error instanceof Error ? error.message : String(error)}`, inputs)
    }
    shape.outputs.forEach(({ width }, k) => writeWords(state, cursor, width, values[k]))
  }
}

/** By output, what was answered for it; throws with a sentence where that is no number. */
function answersOf({ outputs }: ExternCallShape, answer: ExternAnswer): (bigint | undefined)[] {
  if (answer === undefined || answer === null) return []
  if (answer instanceof Promise) throw new Error('it must answer at once, not with a promise')
  if (Array.isArray(answer)) throw new Error('it must answer with a value or with an object by name, not with a list')
  return outputs.map(({ name }) => {
    const isMeant = name === 'return' || outputs.length === 1
    const value: unknown = typeof answer === 'object' ? answer[name] : isMeant ? answer : undefined
    if (value === undefined || typeof value === 'bigint') return value
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isInteger(value))) return BigInt(value)
    const given = typeof value === 'object' ? 'an object' : String(value)
    throw new Error(`'${name}' must be a bigint, a whole number or a boolean, not ${given}`)
  })
}

function resolve(
  { names, object }: ExternCallShape,
  externs: ExternTable,
  objects: Map<string, object>,
): ExternFunction | undefined {
  // The user's module is of the user's types; what is called is checked to be callable, and no more can be.
  for (const name of names) if (typeof externs[name] === 'function') return externs[name] as ExternFunction
  const Type = object === undefined ? undefined : externs[object.type]
  if (object === undefined || typeof Type !== 'function') return undefined
  let made = objects.get(object.name)
  if (made === undefined) {
    made = new (Type as ExternClass)(...object.arguments.map(BigInt))
    objects.set(object.name, made)
  }
  const method: unknown = Reflect.get(made, object.method)
  return typeof method === 'function' ? (method.bind(made) as ExternFunction) : undefined
}

function readWords(state: StateMemory, cursor: { at: number }, width: number): bigint {
  let value = 0n
  for (let k = 0; 64 * k < width; k++) value |= state.u64[cursor.at++]! << BigInt(64 * k)
  return value
}

function writeWords(state: StateMemory, cursor: { at: number }, width: number, value: bigint | undefined): void {
  const masked = value === undefined ? undefined : BigInt.asUintN(width, value)
  for (let k = 0; 64 * k < width; k++) {
    if (masked !== undefined) state.u64[cursor.at] = BigInt.asUintN(64, masked >> BigInt(64 * k))
    cursor.at++
  }
}
