/**
 * Headers that are read, written or emitted although they cannot be valid, and drops that a later assignment undoes:
 * walks the blocks of `main` in order, parser first, with actions, functions and controls looked into where they are used.
 */
import type { BoundArgument, CallInfo } from '../check/context.ts'
import type { Symbol } from '../check/symbol.ts'
import { successors } from '../check/parser-graph.ts'
import type { Range } from '../source/range.ts'
import type {
  BlockStatement,
  CallExpression,
  ControlDeclaration,
  Expression,
  ParserDeclaration,
  Statement,
  SwitchStatement,
  TableDeclaration,
} from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import {
  assuming,
  type FlowState,
  isAlwaysValid,
  isDead,
  isNeverValid,
  joined,
  UNREACHABLE,
  withCopied,
  withValidity,
} from './flow-state.ts'
import { HeaderPaths } from './header-paths.ts'
import type { Linter } from './linter.ts'
import { isEgressSpec, isHeaderField } from './lvalue-type.ts'

/** Calls within calls that are followed; P4 has no recursion, so this only bounds the time. */
const MAX_DEPTH = 24
/** Statements that the walk visits at most, each as often as it is reached. */
const MAX_STEPS = 200_000

export function lintValidity(linter: Linter): void {
  if (linter.instances === undefined) return
  new ValidityWalk(linter).run()
}

interface Finding {
  readonly bit: bigint
  readonly range: Range
  readonly code: string
  readonly message: string
}

class ValidityWalk {
  readonly #linter: Linter
  readonly #paths: HeaderPaths
  /** Headers that are valid somewhere. */
  #everValid = 0n
  /** Reported in the end if the header is valid nowhere. */
  readonly #findings: Finding[] = []
  #returns: FlowState = UNREACHABLE
  #exits: FlowState = UNREACHABLE
  /** Conditions around the statement being walked. */
  #conditions = 0
  #tables = 0
  #depth = 0
  #steps = 0

  constructor(linter: Linter) {
    this.#linter = linter
    this.#paths = new HeaderPaths(linter.checked)
  }

  run(): void {
    let state: FlowState = { combinations: new Set([0n]), drop: undefined }
    let parsed = state
    for (const { declaration, role } of this.#linter.instances?.blocks ?? []) {
      if (role === undefined) continue
      this.#paths.enter(declaration.parameters, declaration.kind === 'Parser')
      if (declaration.kind === 'Parser') {
        state = this.#parser(declaration, { combinations: new Set([0n]), drop: undefined })
        parsed = state
      } else if (declaration.apply !== undefined) {
        // In v1model a clone of the arriving packet skips ingress.
        if (role === 'eg') state = joined(state, parsed)
        // A drop ends with the block that made it: what follows runs for other packets.
        state = { ...this.#control(declaration, state), drop: undefined }
      }
    }
    for (const { bit, range, code, message } of this.#findings) {
      if ((this.#everValid & bit) === 0n) this.#linter.warn(code, range, message)
    }
  }

  #parser(parser: ParserDeclaration, initial: FlowState): FlowState {
    const states = new Map(parser.states.map((item) => [item.name.text, item]))
    const entry = new Map<string, FlowState>([['start', this.#locals(parser.locals, initial)]])
    const queue = ['start']
    let rounds = 0
    while (queue.length > 0 && rounds < 2000) {
      rounds += 1
      const name = queue.shift() ?? ''
      const item = states.get(name)
      const before = entry.get(name)
      if (item === undefined || before === undefined) continue
      let after = this.#statements(item.statements, before)
      if (item.transition?.kind === 'Select') for (const key of item.transition.keys) after = this.#read(key, after)
      for (const next of new Set(successors(item))) {
        const known = entry.get(next)
        const merged = known === undefined ? after : joined(known, after)
        if (known !== undefined && known.combinations?.size === merged.combinations?.size) continue
        entry.set(next, merged)
        queue.push(next)
      }
    }
    return entry.get('accept') ?? { combinations: undefined, drop: undefined }
  }

  #control(control: ControlDeclaration, initial: FlowState): FlowState {
    const savedReturns = this.#returns
    const savedExits = this.#exits
    this.#returns = UNREACHABLE
    this.#exits = UNREACHABLE
    const end = this.#block(control.apply, this.#locals(control.locals, initial))
    const result = joined(joined(end, this.#returns), this.#exits)
    this.#returns = savedReturns
    this.#exits = savedExits
    return result
  }

  #locals(locals: ControlDeclaration['locals'], initial: FlowState): FlowState {
    let state = initial
    for (const local of locals) {
      if (local.kind !== 'Variable') continue
      this.#paths.declare(local)
      if (local.initializer !== undefined) state = this.#read(local.initializer, state)
    }
    return state
  }

  #block(block: BlockStatement | undefined, state: FlowState): FlowState {
    return block === undefined ? state : this.#statements(block.statements, state)
  }

  #statements(statements: readonly Statement[], initial: FlowState): FlowState {
    let state = initial
    for (const statement of statements) {
      if (isDead(state)) return state
      state = this.#statement(statement, state)
    }
    return state
  }

  #statement(statement: Statement, state: FlowState): FlowState {
    this.#steps += 1
    if (this.#steps > MAX_STEPS) return this.#unknown(undefined)
    switch (statement.kind) {
      case 'Block':
        return this.#block(statement, state)
      case 'If': {
        const [yes, no] = this.#condition(statement.condition, state)
        return this.#conditionally(() => {
          const then = this.#statement(statement.then, yes)
          const otherwise = statement.else === undefined ? no : this.#statement(statement.else, no)
          return joined(then, otherwise)
        })
      }
      case 'Assign':
        return this.#assign(statement.target, statement.value, statement.operator !== undefined, state)
      case 'CallStatement':
        return this.#read(statement.call, state)
      case 'Switch':
        return this.#switch(statement, state)
      case 'Return': {
        const after = statement.value === undefined ? state : this.#read(statement.value, state)
        this.#returns = joined(this.#returns, after)
        return UNREACHABLE
      }
      case 'Exit':
        this.#exits = joined(this.#exits, state)
        return UNREACHABLE
      case 'For':
      case 'ForIn':
        // What a loop does is not followed.
        return this.#unknown(state)
      case 'DeclarationStatement': {
        const { declaration } = statement
        if (declaration.kind !== 'Variable') return state
        const bit = this.#paths.declare(declaration)
        if (declaration.initializer === undefined) return bit === undefined ? state : withValidity(state, bit, false)
        const after = this.#read(declaration.initializer, state)
        return bit === undefined ? after : this.#become(bit, declaration.initializer, after)
      }
      default:
        return state
    }
  }

  /** After something that is not followed: any header may be valid, here and elsewhere. */
  #unknown(state: FlowState | undefined): FlowState {
    this.#everValid = -1n
    return { combinations: undefined, drop: state?.drop }
  }

  #conditionally<T>(body: () => T): T {
    this.#conditions += 1
    const result = body()
    this.#conditions -= 1
    return result
  }

  /** What holds where the condition is true, and where it is false. */
  #condition(condition: Expression, state: FlowState): readonly [FlowState, FlowState] {
    if (condition.kind === 'Unary' && condition.operator === '!') {
      const [yes, no] = this.#condition(condition.operand, state)
      return [no, yes]
    }
    if (condition.kind === 'Binary' && (condition.operator === '&&' || condition.operator === '||')) {
      const [leftYes, leftNo] = this.#condition(condition.left, state)
      if (condition.operator === '&&') {
        const [yes, no] = isDead(leftYes) ? [leftYes, leftYes] : this.#condition(condition.right, leftYes)
        return [yes, joined(leftNo, no)]
      }
      const [yes, no] = isDead(leftNo) ? [leftNo, leftNo] : this.#condition(condition.right, leftNo)
      return [joined(leftYes, yes), no]
    }
    const call = condition.kind === 'Call' ? this.#linter.checked.calls.get(condition) : undefined
    if (call?.kind === 'builtin' && call.name === 'isValid') {
      const bit = this.#paths.bitOf(call.object)
      if (bit !== undefined) return [assuming(state, bit, true), assuming(state, bit, false)]
    }
    const after = this.#read(condition, state)
    return [after, after]
  }

  #switch(statement: SwitchStatement, initial: FlowState): FlowState {
    const { selector, cases } = statement
    const applied =
      selector.kind === 'Member' && selector.object.kind === 'Call' && selector.member.text === 'action_run'
        ? this.#tableOf(selector.object)
        : undefined
    const before = applied === undefined ? this.#read(selector, initial) : this.#keys(applied, initial)
    const named = new Set(cases.flatMap((item) => (item.label.kind === 'Name' ? [item.label.name] : [])))
    return this.#conditionally(() => {
      let end = UNREACHABLE
      let falling = UNREACHABLE
      for (const { label, body } of cases) {
        const chosen = (action: string): boolean =>
          label.kind === 'Default' ? !named.has(action) : label.kind === 'Name' && label.name === action
        const start = applied === undefined ? before : this.#actions(applied, before, chosen)
        const entry = joined(falling, start)
        falling = body === undefined ? entry : UNREACHABLE
        if (body !== undefined) end = joined(end, this.#block(body, entry))
      }
      if (cases.some((item) => item.label.kind === 'Default')) return joined(end, falling)
      const rest = applied === undefined ? before : this.#actions(applied, before, (action) => !named.has(action))
      return joined(joined(end, falling), rest)
    })
  }

  #assign(target: Expression, value: Expression, isCombined: boolean, initial: FlowState): FlowState {
    let state = this.#read(value, initial)
    if (isCombined) state = this.#read(target, state)
    else if (target.kind !== 'DontCare') this.#checkField(target, state, 'written')
    const bit = this.#paths.bitOf(target)
    if (bit !== undefined) return this.#become(bit, value, state)
    if (this.#paths.holdsHeaders(target)) return { ...state, combinations: undefined }
    if (isEgressSpec(this.#linter.checked, target)) state = this.#undrop(target, state)
    return state
  }

  /** The header takes the value's validity. */
  #become(bit: bigint, value: Expression, state: FlowState): FlowState {
    const source = value.kind === 'Cast' ? value.operand : value
    if (source.kind === 'Invalid') return withValidity(state, bit, false)
    if (source.kind === 'List' || source.kind === 'Struct') return this.#valid(bit, state)
    const from = this.#paths.bitOf(source)
    if (from !== undefined) return withCopied(state, bit, from)
    this.#everValid |= bit
    return withValidity(state, bit, undefined)
  }

  #valid(bit: bigint, state: FlowState): FlowState {
    this.#everValid |= bit
    return withValidity(state, bit, true)
  }

  /** Evaluates an expression: what it reads must be valid, what it calls takes effect. */
  #read(expression: Expression, state: FlowState): FlowState {
    switch (expression.kind) {
      case 'Member':
        this.#checkField(expression, state, 'read')
        return this.#read(expression.object, state)
      case 'Index':
        return this.#read(expression.index, this.#read(expression.object, state))
      case 'Slice':
      case 'Unary':
      case 'Cast':
        return this.#read(expression.kind === 'Slice' ? expression.object : expression.operand, state)
      case 'Binary': {
        if (expression.operator === '&&' || expression.operator === '||') {
          const [yes, no] = this.#condition(expression, state)
          return joined(yes, no)
        }
        return this.#read(expression.right, this.#read(expression.left, state))
      }
      case 'Conditional': {
        const [yes, no] = this.#condition(expression.condition, state)
        return this.#conditionally(() =>
          joined(
            isDead(yes) ? yes : this.#read(expression.whenTrue, yes),
            isDead(no) ? no : this.#read(expression.whenFalse, no),
          ),
        )
      }
      case 'List':
        return expression.elements.reduce((current, element) => this.#read(element, current), state)
      case 'Struct':
        return expression.fields.reduce((current, field) => this.#read(field.value, current), state)
      case 'Call':
        return this.#call(expression, state)
      default:
        return state
    }
  }

  /** `header.field` where the header may or must be invalid. */
  #checkField(expression: Expression, state: FlowState, verb: 'read' | 'written'): void {
    const place = expression.kind === 'Slice' || expression.kind === 'Index' ? expression.object : expression
    if (place.kind !== 'Member') return
    const bit = this.#paths.bitOf(place.object)
    if (bit === undefined || isDead(state) || !isHeaderField(this.#linter.checked, place)) return
    const header = printExpression(place.object)
    const field = printExpression(place)
    if (isNeverValid(state, bit)) {
      const effect = verb === 'read' ? 'its value is not defined' : 'the assignment has no effect'
      const message = `${field} is ${verb}, but ${header} cannot be valid here; ${effect}`
      const code = verb === 'read' ? 'P4C7001' : 'P4C7002'
      // The control plane decides which action runs, and may know better.
      if (this.#tables > 0) this.#findings.push({ bit, range: expression.range, code, message })
      else this.#linter.warn(code, expression.range, message)
    } else if (verb === 'read' && this.#conditions === 0 && !isAlwaysValid(state, bit) && !this.#paths.isTested(bit)) {
      const notes = [{ message: `test ${header}.isValid() first` }]
      const message = `${field} is read, but ${header} may be invalid here, and nothing tests it`
      this.#linter.warn('P4C7001', expression.range, message, { notes })
    }
  }

  #call(expression: CallExpression, initial: FlowState): FlowState {
    const call = this.#linter.checked.calls.get(expression)
    if (call === undefined) return initial
    if (call.kind === 'tableApply') {
      const table = this.#tableOf(expression)
      return table === undefined ? initial : this.#actions(table, this.#keys(table, initial), () => true)
    }
    if (call.kind === 'builtin') {
      let state = initial
      for (const argument of call.args) state = this.#read(argument, state)
      if (call.name !== 'setValid' && call.name !== 'setInvalid') return state
      const bit = this.#paths.bitOf(call.object)
      if (bit === undefined) return state
      return call.name === 'setValid' ? this.#valid(bit, state) : withValidity(state, bit, false)
    }
    const isExtract = call.kind === 'method' && call.method.name.text === 'extract'
    let state = initial
    let skipped = UNREACHABLE
    for (const { value, parameter } of call.args) {
      if (value === undefined || parameter.direction === 'out') continue
      // update_checksum and its relatives look at the data only where their condition holds.
      if (parameter.name === 'condition' && call.kind === 'function') {
        const [yes, no] = this.#condition(value, state)
        state = yes
        skipped = no
      } else if (!isDead(state)) state = this.#read(value, state)
    }
    if (!isDead(skipped)) return joined(state, skipped)
    if (call.kind === 'method' && call.method.name.text === 'emit') this.#emit(call.args, state)
    if (isExtract) {
      const header = call.args[0]?.value
      const bit = header === undefined ? undefined : this.#paths.bitOf(header)
      return bit === undefined ? state : this.#valid(bit, state)
    }
    return this.#callee(call, expression, state)
  }

  /** Into the called action, function or control; anything unknown may do anything to its `out` arguments. */
  #callee(call: CallInfo, expression: CallExpression, state: FlowState): FlowState {
    const body = bodyOf(call)
    if (body !== undefined && this.#depth >= MAX_DEPTH) return this.#unknown(state)
    if (body !== undefined && 'args' in call && call.kind !== 'builtin') {
      return this.#inside(call.args, () => {
        const declaration = call.kind === 'blockApply' ? call.type.declaration : undefined
        if (declaration?.kind === 'Control') return this.#control(declaration, state)
        return this.#procedure(body, state)
      })
    }
    if (call.kind === 'function' && call.symbol.name === 'mark_to_drop') {
      const isByTable = this.#tables > 0
      return { ...state, drop: { range: expression.range, isMust: true, isByTable, depth: this.#conditions } }
    }
    let after = state
    for (const argument of 'args' in call && call.kind !== 'builtin' ? call.args : []) {
      if (argument.value === undefined || argument.parameter.direction === 'in') continue
      if (call.kind !== 'blockApply' && argument.parameter.direction === 'none') continue
      const bit = this.#paths.bitOf(argument.value)
      if (bit !== undefined) {
        this.#everValid |= bit
        after = withValidity(after, bit, undefined)
      } else if (this.#paths.holdsHeaders(argument.value)) {
        after = this.#unknown(after)
      }
    }
    return after
  }

  #procedure(body: BlockStatement, state: FlowState): FlowState {
    const saved = this.#returns
    this.#returns = UNREACHABLE
    const end = joined(this.#block(body, state), this.#returns)
    this.#returns = saved
    return end
  }

  #inside(args: readonly BoundArgument[], body: () => FlowState): FlowState {
    this.#depth += 1
    const restore = this.#paths.bind(args)
    const result = body()
    restore()
    this.#depth -= 1
    return result
  }

  #tableOf(apply: Expression): TableDeclaration | undefined {
    const call = apply.kind === 'Call' ? this.#linter.checked.calls.get(apply) : undefined
    if (call?.kind !== 'tableApply') return undefined
    const symbol = this.#linter.checked.references.get(call.table)
    return symbol?.kind === 'table' ? symbol.declaration : undefined
  }

  #keys(table: TableDeclaration, initial: FlowState): FlowState {
    const key = table.properties.find((property) => property.kind === 'KeyProperty')
    if (key?.kind !== 'KeyProperty') return initial
    // A key next to a validity key, or one that need not match exactly, is compared whatever the header holds.
    return this.#conditionally(() => key.elements.reduce((state, item) => this.#read(item.expression, state), initial))
  }

  /** Any of the actions that the table may run. */
  #actions(table: TableDeclaration, state: FlowState, isChosen: (name: string) => boolean): FlowState {
    const property = table.properties.find((item) => item.kind === 'ActionsProperty')
    const actions = property?.kind === 'ActionsProperty' ? property.actions : []
    let end = UNREACHABLE
    this.#tables += 1
    for (const element of actions) {
      if (!isChosen(element.name.name)) continue
      const symbol: Symbol | undefined = this.#linter.checked.references.get(element.name)
      const body = symbol?.kind === 'action' ? symbol.declaration.body : undefined
      const args = this.#linter.checked.constructions.get(element)?.args ?? []
      end = joined(end, body === undefined ? state : this.#inside(args, () => this.#procedure(body, state)))
    }
    this.#tables -= 1
    return actions.length === 0 ? state : end
  }

  #emit(args: readonly BoundArgument[], state: FlowState): void {
    const header = args[0]?.value
    const bit = header === undefined ? undefined : this.#paths.bitOf(header)
    if (header === undefined || bit === undefined || state.combinations === undefined) return
    const text = printExpression(header)
    const message = `${text} is emitted, but nothing ever makes it valid`
    this.#findings.push({ bit, range: header.range, code: 'P4C7008', message })
  }

  /** v1model: mark_to_drop() writes egress_spec, so that a later assignment brings the packet back. */
  #undrop(target: Expression, state: FlowState): FlowState {
    const { drop } = state
    if (drop === undefined) return state
    const isCertain = drop.isMust && this.#conditions <= drop.depth
    const isUnconditional = this.#conditions === 0 && (!drop.isByTable || this.#tables === 0)
    if (isCertain || isUnconditional) {
      const when = drop.isMust ? '' : ' where it was dropped before'
      const notes = [
        { message: 'the drop is here', range: drop.range },
        { message: 'return or exit after the drop, or assign only in the other branch' },
      ]
      this.#linter.warn('P4C7006', target.range, `this assignment to egress_spec revives the packet${when}`, { notes })
    }
    return { ...state, drop: undefined }
  }
}

function bodyOf(call: CallInfo): BlockStatement | undefined {
  if (call.kind === 'action' || call.kind === 'function') return call.symbol.declaration.body
  if (call.kind !== 'blockApply' || call.type.declaration.kind !== 'Control') return undefined
  return call.type.declaration.apply
}
