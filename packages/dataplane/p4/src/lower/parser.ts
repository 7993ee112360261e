/** Parsers to state machines (P4-16 §13). Sub-parsers become states of the parser that applies them. */
import type {
  Expression,
  KeySet,
  MatchKind,
  ParserState,
  SelectCase,
  SourceRef,
  StateTarget,
  Statement,
} from '../ir/index.ts'
import type { BoundArgument } from '../check/context.ts'
import type { Type } from '../check/type.ts'
import type {
  Expression as Ast,
  ParserDeclaration,
  ParserStateDeclaration,
  Statement as AstStatement,
  Transition,
} from '../syntax/ast.ts'
import { forEachExpressionIn } from '../syntax/walk.ts'
import { blockEnvironment, controlPlaneName, declareInstance } from './block.ts'
import { passArguments } from './call.ts'
import { lowerScalar, lowerValue } from './expression.ts'
import * as fold from './fold.ts'
import { flattenKeyset, flattenTypes, isInSet, keyset, type KeySetResult } from './keyset.ts'
import type { BlockObject, Environment, Lowering } from './lowering.ts'
import { scalarShape } from './place.ts'
import { lowerStatement, lowerVariable } from './statement.ts'
import { leaves } from './value.ts'

interface OpenState {
  readonly name: string
  readonly body: Statement[]
  select: ParserState['select']
  readonly at?: SourceRef
}

const GOES_NOWHERE: ParserState['select'] = { keys: [], cases: [], otherwise: 'reject' }

/** The parser block of a package; `environment` binds its parameters. Returns its index. */
export function lowerParser(lower: Lowering, object: BlockObject, environment: Environment): number {
  const { declaration, path } = object
  if (declaration.kind !== 'Parser') return -1
  const run = new ParserLowering(lower)
  lower.builder.parsers.push({ name: path, states: [] })
  const id = lower.builder.parsers.length - 1
  const saved = lower.applySubParser
  lower.applySubParser = (inner, args) => run.applySubParser(inner, args)
  lower.atPath(path, () => lower.within(environment, () => run.inline(declaration, '', 'accept')))
  lower.applySubParser = saved
  lower.builder.parsers[id] = { name: path, states: run.states }
  return id
}

class ParserLowering {
  readonly states: OpenState[] = []
  readonly #lower: Lowering
  /** Where statements go now; `lower.out` is its body. */
  #current: OpenState | undefined
  #instances = 0
  #depth = 0

  constructor(lower: Lowering) {
    this.#lower = lower
  }

  #open(name: string, range: Ast['range'] | undefined): OpenState {
    const at = range === undefined ? {} : { at: this.#lower.builder.at(range) }
    const state: OpenState = { name, body: [], select: GOES_NOWHERE, ...at }
    this.states.push(state)
    return state
  }

  #indexOf(state: OpenState): number {
    return this.states.indexOf(state)
  }

  #enter(state: OpenState): void {
    this.#current = state
    this.#lower.out = state.body
  }

  #goto(target: StateTarget): void {
    if (this.#current !== undefined) this.#current.select = { keys: [], cases: [], otherwise: target }
  }

  /** Adds the states of a parser; returns the index of its start. `accept` is where its accept leads. */
  inline(declaration: ParserDeclaration, prefix: string, accept: StateTarget): number {
    const lower = this.#lower
    const targets = new Map<string, StateTarget>([
      ['accept', accept],
      ['reject', lower.isBmv2 ? 'accept' : 'reject'],
    ])
    const ordered = [...declaration.states].sort(
      (a, b) => Number(b.name.text === 'start') - Number(a.name.text === 'start'),
    )
    const opened = ordered.map((state) => {
      const open = this.#open(prefix + state.name.text, state.name.range)
      targets.set(state.name.text, this.#indexOf(open))
      return { state, open }
    })
    const saved = { out: lower.out, current: this.#current }
    lower.inScope(() => {
      const first = opened[0]?.open
      if (first === undefined) return
      // Locals are initialised whenever the parser starts, which is when its start state is entered from outside.
      const init = lower.collect(() => this.#declareLocals(declaration))
      const isStartTarget = declaration.states.some((state) => goesTo(state.transition, 'start'))
      if (init.length > 0 && isStartTarget) {
        const body = this.#open(`${first.name}.body`, ordered[0]?.name.range)
        targets.set('start', this.#indexOf(body))
        first.body.push(...init)
        first.select = { keys: [], cases: [], otherwise: this.#indexOf(body) }
        const start = opened[0]
        if (start !== undefined) opened[0] = { state: start.state, open: body }
      } else first.body.push(...init)
      for (const { state, open } of opened) this.#lowerState(state, open, targets)
    })
    lower.out = saved.out
    this.#current = saved.current
    const start = opened[0] === undefined ? -1 : this.states.findIndex((state) => state.name === `${prefix}start`)
    return start
  }

  #declareLocals(declaration: ParserDeclaration): void {
    const lower = this.#lower
    for (const local of declaration.locals) {
      lower.located(local.range, () => {
        if (local.kind === 'Variable') lowerVariable(lower, local)
        else if (local.kind === 'Instantiation') declareInstance(lower, local)
        else if (local.kind === 'ValueSet') this.#declareValueSet(local)
      })
    }
  }

  #declareValueSet(declaration: Extract<ParserDeclaration['locals'][number], { kind: 'ValueSet' }>): void {
    const lower = this.#lower
    const symbol = lower.context.symbols.get(declaration)
    if (symbol?.kind !== 'valueSet') return
    const name = controlPlaneName(lower, symbol.name, declaration.annotations)
    const size = fold.constantOf(lowerScalar(lower, declaration.size)) ?? 0n
    const id = lower.builder.valueSets.length
    lower.builder.valueSets.push({ name, size: Number(size), keys: valueSetKeys(lower, symbol.type, name) })
    lower.environment.bind(symbol, { kind: 'valueSet', id })
  }

  #lowerState(state: ParserStateDeclaration, open: OpenState, targets: ReadonlyMap<string, StateTarget>): void {
    const lower = this.#lower
    this.#enter(open)
    lower.inScope(() => {
      for (const statement of state.statements) this.#lowerStatement(statement)
      const { transition } = state
      if (transition === undefined) this.#goto(targets.get('reject') ?? 'reject')
      else lower.located(transition.range, () => this.#lowerTransition(transition, targets))
    })
  }

  /** Statements around a sub-parser are split into states; all others stay together. */
  #lowerStatement(statement: AstStatement): void {
    const lower = this.#lower
    if (!this.#appliesParser(statement)) {
      lowerStatement(lower, statement)
      return
    }
    switch (statement.kind) {
      case 'Block':
        lower.inScope(() => {
          for (const inner of statement.statements) this.#lowerStatement(inner)
        })
        return
      case 'If':
        lower.located(statement.range, () => this.#splitIf(statement))
        return
      case 'CallStatement':
        lowerStatement(lower, statement)
        return
      default:
        lower.error('P4C6020', statement.range, 'a parser cannot be applied inside this statement')
    }
  }

  #splitIf(statement: Extract<AstStatement, { kind: 'If' }>): void {
    const lower = this.#lower
    const name = this.#current?.name ?? 'if'
    const condition = lowerScalar(lower, statement.condition)
    const then = this.#open(`${name}.then`, statement.range)
    const otherwise = this.#open(`${name}.else`, statement.range)
    const join = this.#open(`${name}.after`, statement.range)
    if (this.#current !== undefined) {
      const taken: SelectCase = { keys: [{ kind: 'exact', value: 1n }], next: this.#indexOf(then) }
      this.#current.select = { keys: [condition], cases: [taken], otherwise: this.#indexOf(otherwise) }
    }
    for (const [state, part] of [
      [then, statement.then],
      [otherwise, statement.else],
    ] as const) {
      this.#enter(state)
      if (part !== undefined) this.#lowerStatement(part)
      this.#goto(this.#indexOf(join))
    }
    this.#enter(join)
  }

  #appliesParser(statement: AstStatement): boolean {
    let found = false
    forEachExpressionIn(statement, (expression) => {
      if (expression.kind !== 'Call') return
      const info = this.#lower.context.calls.get(expression)
      if (info?.kind === 'blockApply' && info.type.declaration.kind === 'Parser') found = true
    })
    return found
  }

  applySubParser(object: BlockObject, args: readonly BoundArgument[]): void {
    const lower = this.#lower
    const { declaration } = object
    if (declaration.kind !== 'Parser' || this.#current === undefined) return
    if (this.#depth > 32) {
      lower.error('P4C6021', declaration.name.range, `parser '${declaration.name.text}' applies itself`)
      return
    }
    const base = this.#current.name
    this.#instances += 1
    const prefix = `${object.path}${this.#instances > 1 ? `#${this.#instances}` : ''}.`
    const after = this.#open(`${base}.after.${object.path}`, lower.range)
    const environment = blockEnvironment(lower, object)
    this.#depth += 1
    // Copy-in runs at the end of the current state, copy-out at the beginning of the next.
    passArguments(lower, environment, args, 'alias', () => {
      const start = lower.atPath(object.path, () => this.inline(declaration, prefix, this.#indexOf(after)))
      this.#goto(start === -1 ? 'reject' : start)
      this.#enter(after)
    })
    this.#depth -= 1
  }

  #lowerTransition(transition: Transition, targets: ReadonlyMap<string, StateTarget>): void {
    if (this.#current === undefined) return
    if (transition.kind === 'Goto') {
      this.#goto(targets.get(transition.next.text) ?? 'reject')
      return
    }
    const lower = this.#lower
    const state = this.#current
    const types: Type[] = []
    const keys: Expression[] = []
    for (const key of transition.keys) {
      const type = lower.typeOf(key)
      const before = lower.out.length
      const value = lowerValue(lower, key)
      const parts: Expression[] = []
      leaves(value, parts)
      // A later key's effects must not change an earlier key.
      for (const part of parts) keys.push(lower.out.length > before ? lower.capture(part) : part)
      types.push(type)
    }
    const cases: SelectCase[] = []
    let otherwise: StateTarget | 'noMatch' = lower.isBmv2 ? 'accept' : 'noMatch'
    const flat = types.flatMap((type) => flattenTypes(lower, type))
    for (const [index, item] of transition.cases.entries()) {
      const next = targets.get(item.next.text) ?? 'reject'
      const valueSet = this.#valueSetOf(item.keys)
      if (valueSet !== undefined) {
        cases.push({ keys: [], valueSet, next })
        continue
      }
      if (this.#parts(item.keys).some((key) => this.#setNamed(key) !== undefined)) {
        this.#selectAtRunTime(transition, index, keys, flat, types, cases, targets)
        return
      }
      const sets = flattenKeyset(lower, item.keys, types)
      if (sets === undefined || sets.length !== keys.length) continue
      const constants = sets.map((set, at) => keyset(lower, set, flat[at] ?? { kind: 'unknown' }, keys[at]?.width ?? 1))
      if (constants.some((set) => set === undefined)) {
        this.#selectAtRunTime(transition, index, keys, flat, types, cases, targets)
        return
      }
      const known = constants.filter((set): set is KeySet => set !== undefined)
      if (known.every(({ kind }) => kind === 'any') && (!lower.isBmv2 || isDefault(item.keys))) {
        otherwise = next
        break
      }
      // In BMv2, what masks everything away is the default case wherever it stands; of several the last one.
      if (lower.isBmv2 && known.every((set) => set.kind === 'any' || (set.kind === 'ternary' && set.mask === 0n))) {
        otherwise = next
        continue
      }
      cases.push({ keys: known, next })
    }
    state.select = { keys, cases, otherwise }
  }

  /** A case that is one value set, whatever the number of keys. */
  #valueSetOf(keys: readonly Ast[]): number | undefined {
    const [only] = keys
    return keys.length === 1 && only !== undefined ? this.#setNamed(only) : undefined
  }

  /** A case's keys as one list: `(small, 5)` is a list expression, too. */
  #parts(keys: readonly Ast[]): readonly Ast[] {
    const [only] = keys
    return keys.length === 1 && only?.kind === 'List' ? only.elements : keys
  }

  /** Whether the keys are in the case, where some of its sets are value sets. */
  #isInCase(item: readonly Ast[], keys: readonly Expression[], types: readonly Type[]): Expression {
    const lower = this.#lower
    let isMatch: Expression = fold.TRUE
    let at = 0
    for (const [index, part] of this.#parts(item).entries()) {
      const type = types[index] ?? { kind: 'unknown' }
      const flat = flattenTypes(lower, type)
      const own = keys.slice(at, at + flat.length)
      at += flat.length
      const valueSet = this.#setNamed(part)
      if (valueSet !== undefined) {
        const slot = lower.builder.temporary(lower.path, 1, 'bool')
        lower.emit({ kind: 'valueSetMatch', valueSet, keys: own, slot })
        isMatch = fold.and(isMatch, lower.builder.load(slot))
        continue
      }
      const sets = flattenKeyset(lower, [part], [type]) ?? []
      for (const [k, key] of own.entries()) {
        const set = sets[k]
        if (set !== undefined) isMatch = fold.and(isMatch, isInSet(lower, set, flat[k] ?? { kind: 'unknown' }, key))
      }
    }
    return isMatch
  }

  #setNamed(key: Ast): number | undefined {
    if (key.kind !== 'Name') return undefined
    const only = key
    const symbol = this.#lower.context.references.get(only)
    const binding = symbol === undefined ? undefined : this.#lower.environment.lookup(symbol)
    return binding?.kind === 'valueSet' ? binding.id : undefined
  }

  /** Keys that are not constant: from the case `from` on, a chain of states that each test one case. */
  #selectAtRunTime(
    transition: Extract<Transition, { kind: 'Select' }>,
    from: number,
    keys: readonly Expression[],
    flat: readonly Type[],
    types: readonly Type[],
    before: readonly SelectCase[],
    targets: ReadonlyMap<string, StateTarget>,
  ): void {
    const lower = this.#lower
    if (this.#current === undefined) return
    const { name } = this.#current
    let state = this.#open(`${name}.case${from}`, transition.cases[from]?.range)
    this.#current.select = { keys: before.length === 0 ? [] : keys, cases: before, otherwise: this.#indexOf(state) }
    for (const [offset, item] of transition.cases.slice(from).entries()) {
      this.#enter(state)
      const next = targets.get(item.next.text) ?? 'reject'
      const valueSet = this.#valueSetOf(item.keys)
      const following = this.#open(`${name}.case${from + offset + 1}`, item.range)
      if (valueSet !== undefined) {
        state.select = { keys, cases: [{ keys: [], valueSet, next }], otherwise: this.#indexOf(following) }
      } else {
        const hasSets = this.#parts(item.keys).some((key) => this.#setNamed(key) !== undefined)
        const sets: readonly KeySetResult[] = hasSets ? [] : (flattenKeyset(lower, item.keys, types) ?? [])
        let isMatch: Expression = hasSets ? this.#isInCase(item.keys, keys, types) : fold.TRUE
        for (const [at, key] of keys.entries()) {
          const set = sets[at]
          if (set !== undefined) isMatch = fold.and(isMatch, isInSet(lower, set, flat[at] ?? { kind: 'unknown' }, key))
        }
        const taken: SelectCase = { keys: [{ kind: 'exact', value: 1n }], next }
        state.select = { keys: [isMatch], cases: [taken], otherwise: this.#indexOf(following) }
      }
      state = following
    }
    state.select = { keys: [fold.TRUE], cases: [], otherwise: lower.isBmv2 ? 'accept' : 'noMatch' }
  }
}

/** `default` or `_`, and not a list of them. */
function isDefault(keys: readonly Ast[]): boolean {
  return keys.length === 1 && (keys[0]?.kind === 'Default' || keys[0]?.kind === 'DontCare')
}

function goesTo(transition: Transition | undefined, name: string): boolean {
  if (transition === undefined) return false
  if (transition.kind === 'Goto') return transition.next.text === name
  return transition.cases.some((item) => item.next.text === name)
}

function valueSetKeys(
  lower: Lowering,
  input: Type,
  name: string,
): { readonly name: string; readonly width: number; readonly match: MatchKind }[] {
  const type = lower.resolve(input)
  const shape = scalarShape(type)
  if (shape !== undefined) return [{ name, width: shape.width, match: 'exact' }]
  if (type.kind === 'tuple')
    return type.elements.flatMap((item, index) => valueSetKeys(lower, item, `${name}[${index}]`))
  if (type.kind !== 'struct') return []
  return type.declaration.fields.flatMap((field, index) => {
    const fieldType = lower.context.fieldsOf(type)[index]?.type
    const match = field.annotations.find((annotation) => annotation.name.text === 'match')?.values[0]
    const kind = match?.kind === 'Name' && isMatchKind(match.name) ? match.name : 'exact'
    const keys = fieldType === undefined ? [] : valueSetKeys(lower, fieldType, field.name.text)
    return keys.map((key) => ({ ...key, match: kind }))
  })
}

function isMatchKind(name: string): name is MatchKind {
  return name === 'exact' || name === 'ternary' || name === 'lpm' || name === 'range' || name === 'optional'
}
