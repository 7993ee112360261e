/**
 * Unknown types of generic calls and their solutions (P4-16 §8.21, §8.17). One table for the whole program: an unknown
 * that a call leaves open may be settled where its result is used.
 */
import type { Parameter } from '../syntax/ast.ts'
import type { BlockType, Type } from './type.ts'

/** Types of a block's parameters, which only the checker can resolve. */
export type ParameterTypes = (block: BlockType) => readonly { readonly node: Parameter; readonly type: Type }[]

export class Inference {
  readonly #solutions: (Type | undefined)[] = []
  /** Unknowns in the order they were solved, so that a failed attempt can be undone. */
  readonly #trail: number[] = []
  readonly #parameterTypes: ParameterTypes

  constructor(parameterTypes: ParameterTypes) {
    this.#parameterTypes = parameterTypes
  }

  fresh(): Type {
    this.#solutions.push(undefined)
    return { kind: 'inferred', id: this.#solutions.length - 1 }
  }

  /** Follows solutions at the outside only. */
  prune(type: Type): Type {
    let current = type
    while (current.kind === 'inferred') {
      const solution = this.#solutions[current.id]
      if (solution === undefined) return current
      current = solution
    }
    return current
  }

  /** Replaces every solved unknown. */
  resolve(input: Type): Type {
    const type = this.prune(input)
    const each = (list: readonly Type[]): Type[] => list.map((item) => this.resolve(item))
    switch (type.kind) {
      case 'struct':
      case 'extern':
      case 'block':
        return type.args.length === 0 ? type : { ...type, args: each(type.args) }
      case 'stack':
      case 'list':
      case 'set':
        return { ...type, element: this.resolve(type.element) }
      case 'tuple':
      case 'listLiteral':
        return { ...type, elements: each(type.elements) }
      case 'structLiteral':
        return { ...type, fields: type.fields.map((field) => ({ ...field, type: this.resolve(field.type) })) }
      case 'newtype':
        return { ...type, target: this.resolve(type.target) }
      case 'typeName':
        return { ...type, type: this.resolve(type.type) }
      default:
        return type
    }
  }

  isOpen(input: Type): boolean {
    const type = this.resolve(input)
    switch (type.kind) {
      case 'inferred':
        return true
      case 'struct':
      case 'extern':
      case 'block':
        return type.args.some((item) => this.isOpen(item))
      case 'stack':
      case 'list':
      case 'set':
        return this.isOpen(type.element)
      case 'tuple':
        return type.elements.some((item) => this.isOpen(item))
      default:
        return false
    }
  }

  /** Whether the type was an unknown that something has decided. */
  isSolved(type: Type): boolean {
    return type.kind === 'inferred' && this.#solutions[type.id] !== undefined
  }

  bind(unknown: Type, to: Type): boolean {
    const target = this.prune(to)
    if (unknown.kind !== 'inferred') return false
    if (target.kind === 'inferred' && target.id === unknown.id) return true
    if (this.#occurs(unknown.id, target)) return false
    this.#solutions[unknown.id] = target
    this.#trail.push(unknown.id)
    return true
  }

  /** Makes two types equal by solving unknowns; no implicit casts. */
  unify(first: Type, second: Type): boolean {
    const a = this.prune(first)
    const b = this.prune(second)
    if (a.kind === 'inferred') return this.bind(a, b)
    if (b.kind === 'inferred') return this.bind(b, a)
    if (a.kind === 'unknown' || b.kind === 'unknown') return true
    switch (a.kind) {
      case 'bit':
      case 'int':
      case 'varbit':
        return b.kind === a.kind && a.width === b.width
      case 'struct':
        return b.kind === 'struct' && a.declaration === b.declaration && this.#all(a.args, b.args)
      case 'extern':
        return b.kind === 'extern' && a.declaration === b.declaration && this.#all(a.args, b.args)
      case 'block':
        return b.kind === 'block' && this.#blocks(a, b)
      case 'stack':
        return b.kind === 'stack' && a.size === b.size && this.unify(a.element, b.element)
      case 'list':
        return b.kind === 'list' && this.unify(a.element, b.element)
      case 'set':
        return b.kind === 'set' && this.unify(a.element, b.element)
      case 'tuple':
        return b.kind === 'tuple' && this.#all(a.elements, b.elements)
      case 'enum':
        return b.kind === 'enum' && a.declaration === b.declaration
      case 'newtype':
        return b.kind === 'newtype' && a.declaration === b.declaration
      case 'typeVariable':
        return b.kind === 'typeVariable' && a.declaration === b.declaration
      case 'listLiteral':
        return b.kind === 'listLiteral' && this.#all(a.elements, b.elements)
      case 'structLiteral':
        return (
          b.kind === 'structLiteral' &&
          a.fields.length === b.fields.length &&
          a.fields.every((field, index) => {
            const other = b.fields[index]
            return other !== undefined && other.name === field.name && this.unify(field.type, other.type)
          })
        )
      case 'typeName':
        return false
      default:
        return a.kind === b.kind
    }
  }

  /** Speculative `unify`: solutions are kept only when it succeeds. */
  tryUnify(a: Type, b: Type): boolean {
    const mark = this.#trail.length
    if (this.unify(a, b)) return true
    for (const id of this.#trail.splice(mark)) this.#solutions[id] = undefined
    return false
  }

  #all(a: readonly Type[], b: readonly Type[]): boolean {
    return a.length === b.length && a.every((item, index) => this.unify(item, b[index] ?? { kind: 'unknown' }))
  }

  /** A parser or control fits a parser or control type when the parameters agree (§14.1). */
  #blocks(a: BlockType, b: BlockType): boolean {
    if (a.declaration === b.declaration) return this.#all(a.args, b.args)
    if (a.declaration.kind !== b.declaration.kind || a.declaration.kind === 'Package') return false
    const left = this.#parameterTypes(a)
    const right = this.#parameterTypes(b)
    const isShort = left.length > right.length ? left : right
    return isShort.every((_, index) => {
      const l = left[index]
      const r = right[index]
      // Parameters that only one side has must be optional.
      if (l === undefined || r === undefined) return isOptional((l ?? r)?.node)
      return l.node.direction === r.node.direction && this.unify(l.type, r.type)
    })
  }

  #occurs(id: number, input: Type): boolean {
    const type = this.prune(input)
    switch (type.kind) {
      case 'inferred':
        return type.id === id
      case 'struct':
      case 'extern':
      case 'block':
        return type.args.some((item) => this.#occurs(id, item))
      case 'stack':
      case 'list':
      case 'set':
        return this.#occurs(id, type.element)
      case 'tuple':
      case 'listLiteral':
        return type.elements.some((item) => this.#occurs(id, item))
      default:
        return false
    }
  }
}

export function isOptional(node: Parameter | undefined): boolean {
  return (
    node !== undefined && (node.initializer !== undefined || node.annotations.some((a) => a.name.text === 'optional'))
  )
}
