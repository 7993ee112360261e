/**
 * Extern functions and objects that the user supplies. Generated code leaves the arguments in memory 1 and calls one
 * imported function with the description of the call.
 *
 * A function is found under its name. A method is found under `instance.method` or `Type.method`, or in a class named like
 * the extern type, of which every instance of the program is made with its constructor arguments. They get the `in` and
 * `inout` arguments in the order of their parameters: bits as bigint (two's complement for `int`), structs as one bigint
 * per field. They answer with the value (where there is one thing to give: what the function returns, or its one `out`
 * parameter), or with an object of `out` and `inout` parameters by name (`p`, `p.field`) and `return`. What they leave out
 * stays as it was.
 */
import type { ExternCallShape, Generated } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'

export type ExternAnswer = bigint | boolean | number | void | { readonly [name: string]: bigint | boolean | number }
export type ExternFunction = (...inputs: bigint[]) => ExternAnswer
export type ExternClass = new (...args: bigint[]) => object
export type ExternTable = { readonly [name: string]: ExternFunction | ExternClass | undefined }

/** The `extern` import of a module. Calls of externs that nobody supplied change nothing and go to `unknown`. */
export function externImport(
  generated: Generated,
  state: StateMemory,
  externs: ExternTable,
  unknown: (name: string, inputs: readonly bigint[]) => void,
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
    const run = resolve(shape, externs, objects)
    const cursor = { at: layout.externCall >> 3 }
    const inputs = shape.inputs.map((width) => readWords(state, cursor, width))
    if (run === undefined) return unknown(shape.names[0]!, inputs)
    const answer = run(...inputs)
    if (answer === undefined || answer === null) return
    for (const { name, width } of shape.outputs) {
      const isMeant = name === 'return' || shape.outputs.length === 1
      const value = typeof answer === 'object' ? answer[name] : isMeant ? answer : undefined
      writeWords(state, cursor, width, value === undefined ? undefined : BigInt(value))
    }
  }
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
