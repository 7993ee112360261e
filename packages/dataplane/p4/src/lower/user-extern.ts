/**
 * Extern functions and objects that the architecture does not define: calls of them become `target` statements, which the
 * host answers. Arguments pass part by part; what the host gives back is copied to `out` and `inout` arguments.
 */
import type { Expression, SlotId } from '../ir/index.ts'
import type { ExternCall } from './architecture.ts'
import { hashInputs } from './hash.ts'
import type { ExternObject, Lowering } from './lowering.ts'
import { allocate, collectSlots, type Place } from './place.ts'
import { writeTarget } from './target.ts'
import { leaves, NONE, read, write, type Value } from './value.ts'

/** `object`: whose method it is. */
export function callUserExtern(lower: Lowering, call: ExternCall, object?: ExternObject): Value {
  const { builder, context } = lower
  const inputs: Expression[] = []
  const outputs: SlotId[] = []
  const outputNames: string[] = []
  const copies: (() => void)[] = []
  const give = (place: Place, name: string): void => {
    const slots: SlotId[] = []
    collectSlots(place, slots)
    for (const slot of slots) {
      outputs.push(slot)
      outputNames.push(partName(builder.slots[slot]?.name ?? '', `${lower.qualified(`$${name}`)}`, name))
    }
  }
  for (const [index, argument] of call.args.entries()) {
    const { direction, name } = argument.parameter
    if (direction !== 'out') inputs.push(...hashInputs(call.value(index)).map((part) => lower.capture(part)))
    if (direction !== 'out' && direction !== 'inout') continue
    const place = allocate(builder, context, lower.resolve(argument.type), lower.qualified(`$${name}`))
    if (direction === 'inout') write(lower, place, call.value(index))
    give(place, name)
    const target = call.target(index)
    if (target !== undefined) copies.push(() => writeTarget(lower, target, read(lower, place)))
  }
  const type = lower.resolve(call.returnType)
  let result: Value = NONE
  if (type.kind !== 'void') {
    const place = allocate(builder, context, type, lower.qualified('$return'))
    give(place, 'return')
    result = read(lower, place)
  }
  const name = object === undefined ? call.name : `${object.type.declaration.name.text}.${call.name}`
  lower.emit({
    kind: 'target',
    name,
    ...(object === undefined ? {} : { instance: `${object.name}.${call.name}`, constructed: constructed(object) }),
    inputs,
    outputs,
    outputNames,
  })
  for (const copy of copies) copy()
  return result
}

/** An instance of a type that the architecture does not know; what it was constructed with stays with it. */
export function userExtern(type: ExternObject['type'], name: string, args: readonly Value[]): ExternObject {
  return { kind: 'extern', type, name, id: undefined, data: new Map(args.map((arg, k) => [String(k), arg])) }
}

function constructed({ name, type, data }: ExternObject): {
  readonly type: string
  readonly name: string
  readonly arguments: readonly bigint[]
} {
  const values: bigint[] = []
  for (const value of data.values()) {
    if (value.kind === 'integer') values.push(value.value)
    const parts: Expression[] = []
    leaves(value, parts)
    for (const part of parts) values.push(part.op === 'const' ? part.value : 0n)
  }
  return { type: type.declaration.name.text, name, arguments: values }
}

/** `$d.a` of parameter `d` is `d.a`. */
function partName(slot: string, prefix: string, name: string): string {
  return slot.startsWith(prefix) ? name + slot.slice(prefix.length) : name
}
