/** The statements of an STF file that are for the control plane. */
import type { Entry, Pipeline, TableDescription, TableError } from '@lodestone/npu'
import { inBytes, keySetOf, type KeySet, unmentioned } from './match-value.ts'
import { findKey, findNamed } from './name-lookup.ts'
import type { Comparison, StfAction, StfStatement } from './statement.ts'

export interface RunState {
  readonly pipeline: Pipeline
  /** Entries that have a name. */
  readonly entries: Map<string, { readonly table: string; readonly entry: Entry }>
}

export type CommandOutcome =
  | { readonly kind: 'done'; readonly note?: string }
  /** The control plane said no. */
  | { readonly kind: 'refused'; readonly message: string }
  /** A value is not what the statement says. */
  | { readonly kind: 'differs'; readonly message: string }
  /** The statement does not fit the program. */
  | { readonly kind: 'senseless'; readonly message: string }

const DONE: CommandOutcome = { kind: 'done' }
const senseless = (message: string): CommandOutcome => ({ kind: 'senseless', message })
const refused = (message: string): CommandOutcome => ({ kind: 'refused', message })

type ControlResult = { readonly ok: true } | { readonly ok: false; readonly error: { readonly message: string } }

export function carryOut(state: RunState, statement: StfStatement): CommandOutcome {
  const { pipeline } = state
  const { traffic } = pipeline
  switch (statement.kind) {
    case 'add':
      return add(state, statement)
    case 'setdefault':
      return setDefault(state, statement)
    case 'remove':
      for (const table of pipeline.tables) if (!table.isConst) pipeline.clearTable(table.name)
      return DONE
    case 'checkCounter':
      return checkCounter(state, statement)
    case 'registerRead':
    case 'registerWrite':
    case 'registerReset':
      return register(pipeline, statement)
    case 'counterRead':
    case 'counterWrite':
      return counter(pipeline, statement)
    case 'meterSetRates':
    case 'meterGetRates':
      return meter(pipeline, statement)
    case 'packet':
    case 'expect':
    case 'noPacket':
    case 'wait':
      return DONE
    default:
      break
  }
  if (traffic === undefined) return senseless('the architecture of this program has neither groups nor clone sessions')
  const { replication } = traffic
  const answer = (result: ControlResult): CommandOutcome => (result.ok ? DONE : refused(result.error.message))
  switch (statement.kind) {
    case 'mirroringAdd':
      return answer(replication.setSession(statement.session, { port: statement.port }))
    case 'mirroringAddMc':
      return answer(replication.setSession(statement.session, { group: statement.group }))
    case 'mirroringDelete':
      return answer(replication.deleteSession(statement.session))
    case 'mirroringGet': {
      const session = replication.session(statement.session)
      if (session === undefined) return refused(`there is no clone session ${statement.session}`)
      return { kind: 'done', note: `clone session ${statement.session}: ${JSON.stringify(session)}` }
    }
    case 'groupCreate':
      return answer(replication.createGroup(statement.group))
    case 'nodeCreate':
      return answer(replication.createNode(statement.instance, statement.ports))
    case 'nodeUpdate':
      return answer(replication.updateNode(statement.handle, statement.ports))
    case 'nodeAssociate':
      return answer(replication.associate(statement.group, statement.handle))
  }
}

function add(state: RunState, statement: Extract<StfStatement, { kind: 'add' }>): CommandOutcome {
  const found = findNamed('table', state.pipeline.tables, statement.table)
  if (!found.ok) return senseless(found.message)
  // Selector keys choose among members and are no part of an entry.
  const table = { ...found.item, keys: found.item.keys.filter((key) => key.match !== 'selector') }
  const keys: KeySet[] = table.keys.map(unmentioned)
  for (const match of statement.matches) {
    const index = findKey(table, match.key)
    if (!index.ok) return senseless(index.message)
    const set = keySetOf(table.keys[index.item]!, match)
    if (typeof set === 'string') return senseless(set)
    keys[index.item] = set
  }
  const bound = bind(table, statement.action)
  if ('message' in bound) return senseless(bound.message)
  // BMv2's runner ends with an exception here.
  if (statement.priority === undefined && table.keys.some((key) => key.match === 'ternary')) {
    return senseless(`table ${table.name} has ternary keys, so its entries need a priority: add ${statement.table} 1 …`)
  }
  const hasPriority = table.keys.some((key) => ['ternary', 'range', 'optional'].includes(key.match))
  const priority = statement.priority === undefined || !hasPriority ? {} : { priority: statement.priority }
  const entry: Entry = { keys, ...priority, ...bound }
  const result = state.pipeline.addEntry(table.name, entry)
  if (!result.ok) {
    const known = result.error.kind === 'exists' ? state.pipeline.entryText(table.name, entry) : undefined
    return refused(`table ${table.name}: ${errorText(result.error)}${known === undefined ? '' : `: ${known}`}`)
  }
  if (statement.id !== undefined) state.entries.set(statement.id, { table: table.name, entry })
  return DONE
}

function setDefault(state: RunState, statement: Extract<StfStatement, { kind: 'setdefault' }>): CommandOutcome {
  const found = findNamed('table', state.pipeline.tables, statement.table)
  if (!found.ok) return senseless(found.message)
  const bound = bind(found.item, statement.action)
  if ('message' in bound) return senseless(bound.message)
  const result = state.pipeline.setDefault(found.item.name, bound.action, bound.parameters)
  return result.ok ? DONE : refused(`table ${found.item.name}: ${errorText(result.error)}`)
}

/** Arguments by name, in the order of the action's parameters. */
function bind(
  table: TableDescription,
  { name, arguments: given }: StfAction,
): { readonly action: string; readonly parameters: readonly bigint[] } | { readonly message: string } {
  const found = findNamed(`action of ${table.name}`, table.actions, name)
  if (!found.ok) return found
  const action = found.item
  const stranger = given.find((one) => !action.parameters.some((parameter) => parameter.name === one.name))
  if (stranger !== undefined) {
    const list = action.parameters.map((parameter) => parameter.name).join(', ')
    return { message: `action ${action.name} has no parameter '${stranger.name}'; it has: ${list || 'none'}` }
  }
  const parameters: bigint[] = []
  for (const parameter of action.parameters) {
    const value = given.findLast((one) => one.name === parameter.name)?.value
    if (value === undefined) return { message: `action ${action.name}: parameter '${parameter.name}' is missing` }
    parameters.push(inBytes(value, parameter.width))
  }
  return { action: action.name, parameters }
}

export function errorText(error: TableError): string {
  switch (error.kind) {
    case 'noSuchTable':
      return `there is no table ${error.table}`
    case 'noSuchAction':
      return `there is no action ${error.action}; there are: ${error.allowed.join(', ')}`
    case 'badKey':
      return `key ${error.key}: ${error.message}`
    case 'badParameter':
      return `parameter ${error.parameter}: ${error.message}`
    case 'exists':
      return 'there is an entry with this key already'
    case 'notFound':
      return 'there is no such entry'
    case 'full':
      return `all ${error.size} entries are in use`
    case 'constant':
      return error.message
    default:
      return (error as { readonly message?: string }).message ?? JSON.stringify(error)
  }
}

function checkCounter(state: RunState, statement: Extract<StfStatement, { kind: 'checkCounter' }>): CommandOutcome {
  const { counter: name, index, check } = statement
  const cells = state.pipeline.counter(name)
  if (cells === undefined) return senseless(`there is no counter '${name}'`)
  let cell: (typeof cells)[number] | undefined
  if (typeof index === 'number') cell = cells[index]
  else {
    const named = state.entries.get(index)
    if (named === undefined) return senseless(`no entry was given the name '${index}'`)
    const all = state.pipeline.entries(named.table) ?? []
    const at = all.findIndex((entry) => sameKeys(entry, named.entry))
    cell = cells[at]
  }
  if (cell === undefined) return senseless(`counter ${name} has no cell ${index}`)
  if (check === undefined)
    return { kind: 'done', note: `${name}[${index}]: ${cell.packets} packets, ${cell.bytes} bytes` }
  const actual = BigInt(check.unit === 'bytes' ? cell.bytes : cell.packets)
  if (holds(actual, check.comparison, check.value)) return DONE
  const message = `counter ${name}[${index}] has ${actual} ${check.unit}, which is not ${check.comparison} ${check.value}`
  return { kind: 'differs', message }
}

function sameKeys(a: Entry, b: Entry): boolean {
  const text = (entry: Entry): string =>
    entry.keys.map((key) => Object.values(key).map(String).join(':')).join() + String(entry.priority ?? '')
  return text(a) === text(b)
}

function register(
  pipeline: Pipeline,
  statement: Extract<StfStatement, { kind: 'registerRead' | 'registerWrite' | 'registerReset' }>,
): CommandOutcome {
  const { name } = statement
  if (statement.kind === 'registerReset') {
    for (let index = 0; pipeline.readRegister(name, index) !== undefined; index++)
      pipeline.writeRegister(name, index, 0n)
    return DONE
  }
  const { index } = statement
  const value = pipeline.readRegister(name, index)
  if (value === undefined) return refused(`there is no register ${name}[${index}]`)
  if (statement.kind === 'registerWrite') {
    pipeline.writeRegister(name, index, statement.value)
    return DONE
  }
  const { expected } = statement
  if (expected === undefined || holds(value, expected.comparison, expected.value)) {
    return { kind: 'done', note: `${name}[${index}] = ${value}` }
  }
  const message = `register ${name}[${index}] is ${value}, which is not ${expected.comparison} ${expected.value}`
  return { kind: 'differs', message }
}

function counter(
  pipeline: Pipeline,
  statement: Extract<StfStatement, { kind: 'counterRead' | 'counterWrite' }>,
): CommandOutcome {
  const { name, index } = statement
  const cell = pipeline.counter(name)?.[index]
  if (cell === undefined) return refused(`there is no counter ${name}[${index}]`)
  if (statement.kind === 'counterRead') {
    return { kind: 'done', note: `${name}[${index}]: ${cell.packets} packets, ${cell.bytes} bytes` }
  }
  pipeline.writeCounter(name, index, { packets: statement.packets, bytes: statement.bytes })
  return DONE
}

function meter(
  pipeline: Pipeline,
  statement: Extract<StfStatement, { kind: 'meterSetRates' | 'meterGetRates' }>,
): CommandOutcome {
  const { name, index } = statement
  const config = pipeline.meter(name, index ?? 0)
  if (config === undefined) return refused(`there is no meter ${name}[${index ?? 0}]`)
  if (statement.kind === 'meterGetRates') {
    return { kind: 'done', note: `${name}[${index}]: ${JSON.stringify(config)}` }
  }
  const [committed, peak] = statement.rates
  if (committed === undefined) return refused('a meter has two rates')
  const perSecond = (rate: number): number => Math.round(rate * 1e6)
  const top = peak ?? committed
  if (perSecond(top.rate) < perSecond(committed.rate)) return refused('the second rate must not be below the first')
  const set = {
    committedRate: perSecond(committed.rate),
    committedBurst: committed.burst,
    peakRate: perSecond(top.rate),
    peakBurst: top.burst,
  }
  const last = index ?? Number.MAX_SAFE_INTEGER
  for (let at = index ?? 0; at <= last && pipeline.setMeter(name, at, set); at++);
  return DONE
}

function holds(actual: bigint, comparison: Comparison, value: bigint): boolean {
  switch (comparison) {
    case '==':
      return actual === value
    case '!=':
      return actual !== value
    case '<':
      return actual < value
    case '<=':
      return actual <= value
    case '>':
      return actual > value
    case '>=':
      return actual >= value
  }
}
