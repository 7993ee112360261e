/** Lints about where packets go: an output port that nobody sets, a checksum that nobody brings up to date. */
import type { CallInfo } from '../check/context.ts'
import { type StructType, withTarget } from './lvalue-type.ts'
import type { Expression, Statement } from '../syntax/ast.ts'
import type { Range } from '../source/range.ts'
import type { Linter } from './linter.ts'
import { forEachStatement } from './unused.ts'
import { forEachExpressionIn } from '../syntax/walk.ts'

/** The block that decides, the struct and fields by which it does, and what happens when it sets none of them. */
interface Forwarding {
  readonly role: RegExp
  readonly struct: string
  readonly fields: readonly string[]
  /** Extern functions and actions that send the packet somewhere. */
  readonly calls: readonly string[]
  readonly consequence: string
}

const FORWARDING: ReadonlyMap<string, Forwarding> = new Map([
  [
    'v1model',
    {
      role: /^ig$/,
      struct: 'standard_metadata_t',
      fields: ['egress_spec', 'mcast_grp'],
      calls: ['resubmit', 'resubmit_preserving_field_list'],
      consequence: 'no path sets egress_spec or mcast_grp, so every packet that is not dropped leaves by port 0',
    },
  ],
  [
    'softnpu',
    {
      role: /^i$/,
      struct: 'softnpu_egress_metadata_t',
      fields: ['port', 'broadcast', 'multicast_group', 'mcast_grp'],
      calls: [],
      consequence: 'no path sets an output port, so every packet that is not dropped leaves by port 0',
    },
  ],
  [
    'psa',
    {
      role: /^ig$/,
      struct: 'psa_ingress_output_metadata_t',
      fields: ['drop', 'egress_port', 'multicast_group', 'resubmit', 'clone'],
      calls: ['send_to_port', 'multicast'],
      consequence: 'no path clears drop or sets an output port, so every packet is dropped',
    },
  ],
])

export function lintForwarding(linter: Linter): void {
  const { instances, checked } = linter
  const rule = FORWARDING.get(instances?.architecture ?? '')
  if (instances === undefined || rule === undefined) return
  const block = instances.blocks.find((candidate) => candidate.role !== undefined && rule.role.test(candidate.role))
  if (block === undefined || block.declaration.kind !== 'Control') return
  const writes = writesOf(linter)
  const isSet = writes.some(
    ({ struct, field }) => struct === rule.struct && (field === '' || rule.fields.includes(field)),
  )
  const isSent = [...checked.calls.values()].some(
    (call) => (call.kind === 'function' || call.kind === 'action') && rule.calls.includes(call.symbol.name),
  )
  if (!isSet && !isSent) linter.warn('P4C7007', block.declaration.name.range, rule.consequence)
}

/** A header with a time to live and a checksum: changing the first without the second makes packets that hosts drop. */
export function lintChecksums(linter: Linter): void {
  const writes = writesOf(linter)
  const reported = new Set<string>()
  for (const { struct, field, range, type } of writes) {
    if (!/^ttl$/i.test(field) || reported.has(struct) || type === undefined) continue
    const checksum = linter.checked.context.fieldsOf(type).find(({ name }) => /check_?sum/i.test(name))
    if (checksum === undefined) continue
    reported.add(struct)
    const isUpdated = writes.some((other) => other.struct === struct && other.field === checksum.name)
    if (isUpdated) continue
    const notes = [{ message: `a receiver drops packets whose ${checksum.name} does not fit` }]
    linter.warn('P4C7009', range, `'${field}' changes, but nothing updates '${checksum.name}' of ${struct}`, { notes })
  }
}

interface Write {
  readonly struct: string
  /** Empty: the whole struct. */
  readonly field: string
  readonly range: Range
  readonly type: StructType | undefined
}

/** Every field that some statement of the program assigns, or hands to a call that may. */
function writesOf(linter: Linter): readonly Write[] {
  const { checked } = linter
  const writes: Write[] = []
  const add = (target: Expression): void => {
    const found = withTarget(checked, target)
    if (found !== undefined && !linter.isLibrary(target.range)) writes.push({ ...found, range: target.range })
  }
  const addCall = (call: CallInfo): void => {
    if (!('args' in call) || call.kind === 'builtin') return
    const name = call.kind === 'function' || call.kind === 'action' ? call.symbol.name : ''
    for (const { value, parameter } of call.args) {
      // Dropping or parsing sets no port.
      if (value === undefined || /^(mark_to_drop|extract|ingress_drop)$/.test(name)) continue
      // Blocks and actions of the program are looked into themselves.
      const isOwn = call.kind === 'blockApply' || (call.kind === 'action' && !linter.isLibrary(call.symbol.range))
      if (isOwn || parameter.direction === 'in' || parameter.direction === 'none') continue
      if (call.kind === 'method' && call.type.declaration.name.text === 'packet_in') continue
      add(value)
    }
  }
  const visit = (body: Statement): void => {
    forEachStatement(body, (part) => {
      if (part.kind === 'Assign') add(part.target)
    })
    forEachExpressionIn(body, (expression) => {
      const call = expression.kind === 'Call' ? checked.calls.get(expression) : undefined
      if (call !== undefined) addCall(call)
    })
  }
  for (const declaration of checked.tree.declarations) {
    if (declaration.kind === 'Action') visit(declaration.body)
    else if (declaration.kind === 'Function' && declaration.body !== undefined) visit(declaration.body)
    else if (declaration.kind === 'Control') {
      if (declaration.apply !== undefined) visit(declaration.apply)
      for (const local of declaration.locals) {
        if (local.kind === 'Action') visit(local.body)
        // Directional arguments that a table's action list binds.
        if (local.kind === 'Table')
          for (const property of local.properties) {
            if (property.kind !== 'ActionsProperty') continue
            for (const action of property.actions) {
              for (const { value, parameter } of checked.constructions.get(action)?.args ?? []) {
                if (value !== undefined && (parameter.direction === 'out' || parameter.direction === 'inout'))
                  add(value)
              }
            }
          }
      }
    } else if (declaration.kind === 'Parser') {
      for (const state of declaration.states) for (const statement of state.statements) visit(statement)
    }
  }
  return writes
}
