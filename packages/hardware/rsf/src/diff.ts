/**
 * What changed between two specifications of one device, by register path (`phys[]/status`: an array is one path) and
 * by enum. A change is breaking when a driver made for the old one can misbehave on the new one.
 */
import type { BlockType, EnumType, RegisterField, RegisterType, Specification } from './specification/model.ts'
import { qualifiedName } from './specification/model.ts'

export interface Change {
  readonly kind: 'added' | 'removed' | 'changed'
  /** Register path, `path.field`, or `enum name` and `enum name.alternative`. */
  readonly subject: string
  /** What about it, for people. */
  readonly detail: string
  readonly isBreaking: boolean
}

/** Changes from `before` to `after`, in order of the subjects. Documentation does not count. */
export function compareSpecifications(before: Specification, after: Specification): readonly Change[] {
  const changes = [
    ...compareRegisters(sitesOf(before), sitesOf(after)),
    ...compareEnums(byName(before.enums), byName(after.enums)),
  ]
  return changes.toSorted((a, b) => (a.subject < b.subject ? -1 : a.subject > b.subject ? 1 : 0))
}

/** One line a change: `!` before what breaks. */
export function renderChanges(changes: readonly Change[]): string {
  const signs = { added: '+', removed: '-', changed: '~' }
  return changes
    .map(({ kind, subject, detail, isBreaking }) => `${isBreaking ? '!' : ' '} ${signs[kind]} ${subject}: ${detail}\n`)
    .join('')
}

interface Site {
  readonly address: number
  /** `4 x 0x1000`, one for each array on the way. */
  readonly arrays: readonly string[]
  readonly register: RegisterType
}

function sitesOf(specification: Specification): ReadonlyMap<string, Site> {
  const sites = new Map<string, Site>()
  const walk = (block: BlockType, base: number, prefix: string, outer: readonly string[]): void => {
    for (const { name, type, offset, array } of block.elements) {
      const path = `${prefix}${name}${array === undefined ? '' : '[]'}`
      const arrays = array === undefined ? outer : [...outer, `${array.length} x ${hex(array.stride)}`]
      if (type.kind === 'block') walk(type, base + offset, `${path}/`, arrays)
      else sites.set(path, { address: base + offset, arrays, register: type })
    }
  }
  walk(specification.main, 0, '', [])
  return sites
}

function compareRegisters(before: ReadonlyMap<string, Site>, after: ReadonlyMap<string, Site>): readonly Change[] {
  const changes: Change[] = []
  for (const [path, old] of before) {
    const now = after.get(path)
    if (now === undefined) {
      changes.push({ kind: 'removed', subject: path, detail: `was at ${hex(old.address)}`, isBreaking: true })
      continue
    }
    const change = (what: string, from: string, to: string, isBreaking: boolean): void => {
      if (from !== to) changes.push({ kind: 'changed', subject: path, detail: `${what} ${from} -> ${to}`, isBreaking })
    }
    change('address', hex(old.address), hex(now.address), true)
    change('arrays', old.arrays.join(', ') || 'none', now.arrays.join(', ') || 'none', true)
    change('width', `${old.register.width}`, `${now.register.width}`, true)
    change('reset', hex(old.register.reset), hex(now.register.reset), false)
    change('sram', `${old.register.isSram}`, `${now.register.isSram}`, true)
    changes.push(...compareFields(path, old.register, now.register))
  }
  for (const [path, { address }] of after) {
    if (before.has(path)) continue
    changes.push({ kind: 'added', subject: path, detail: `at ${hex(address)}`, isBreaking: false })
  }
  return changes
}

function compareFields(path: string, before: RegisterType, after: RegisterType): readonly Change[] {
  const changes: Change[] = []
  const now = new Map(after.fields.map((field) => [field.name, field]))
  for (const field of before.fields) {
    const subject = `${path}.${field.name}`
    const later = now.get(field.name)
    now.delete(field.name)
    if (later === undefined) {
      const isBreaking = field.mode !== 'reserved'
      changes.push({ kind: 'removed', subject, detail: `was ${describe(field)}`, isBreaking })
    } else if (describe(field) !== describe(later)) {
      const isBreaking = !isOnlyMoreAccess(field, later)
      changes.push({ kind: 'changed', subject, detail: `${describe(field)} -> ${describe(later)}`, isBreaking })
    }
  }
  for (const field of now.values()) {
    changes.push({ kind: 'added', subject: `${path}.${field.name}`, detail: describe(field), isBreaking: false })
  }
  return changes
}

/** A field that was read-only or write-only and is now both, or was reserved, serves its old drivers. */
function isOnlyMoreAccess(before: RegisterField, after: RegisterField): boolean {
  const isWider = before.mode === 'reserved' || after.mode === 'rw'
  return isWider && describe({ ...before, mode: after.mode, access: after.access }) === describe(after)
    ? before.access === after.access || before.mode === 'reserved'
    : false
}

function describe({ mode, access, type, offset, width }: RegisterField): string {
  const name = type.kind === 'enum' ? qualifiedName(type.type) : type.kind === 'bool' ? 'bool' : `b${width}`
  return `${mode} ${name} @ ${offset}${access === 'plain' ? '' : ` (${access})`}`
}

function compareEnums(before: ReadonlyMap<string, EnumType>, after: ReadonlyMap<string, EnumType>): readonly Change[] {
  const changes: Change[] = []
  for (const [name, old] of before) {
    const subject = `enum ${name}`
    const now = after.get(name)
    if (now === undefined) {
      changes.push({ kind: 'removed', subject, detail: `had ${old.width} bits`, isBreaking: true })
      continue
    }
    if (old.width !== now.width) {
      changes.push({ kind: 'changed', subject, detail: `width ${old.width} -> ${now.width}`, isBreaking: true })
    }
    const values = new Map(now.alternatives.map((alternative) => [alternative.name, alternative.value]))
    for (const { name: key, value } of old.alternatives) {
      const later = values.get(key)
      values.delete(key)
      if (later === value) continue
      const detail = later === undefined ? `was ${hex(value)}` : `${hex(value)} -> ${hex(later)}`
      const kind = later === undefined ? 'removed' : 'changed'
      changes.push({ kind, subject: `${subject}.${key}`, detail, isBreaking: true })
    }
    for (const [key, value] of values) {
      changes.push({ kind: 'added', subject: `${subject}.${key}`, detail: hex(value), isBreaking: false })
    }
  }
  for (const [name, { width }] of after) {
    if (before.has(name)) continue
    changes.push({ kind: 'added', subject: `enum ${name}`, detail: `${width} bits`, isBreaking: false })
  }
  return changes
}

function byName(enums: readonly EnumType[]): ReadonlyMap<string, EnumType> {
  return new Map(enums.map((type) => [qualifiedName(type), type]))
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`
}
