/** The control-plane statements of an STF file, carried out in our pipeline and in BMv2. */
import type { Pipeline } from '@lodestone/npu'
import { carryOut, type RunState, type StfStatement } from '@lodestone/stf'
import type { Bmv2Control } from './control.ts'
import { ThriftRefusal } from './thrift-client.ts'

/** What BMv2 refuses is left out there, as its own runner does; ours must then refuse too. */
export async function prepare(
  statements: readonly StfStatement[],
  pipeline: Pipeline,
  control: Bmv2Control,
): Promise<void> {
  const state: RunState = { pipeline, entries: new Map() }
  for (const statement of statements) {
    const before = statement.kind === 'add' ? allEntries(pipeline) : []
    const outcome = carryOut(state, statement)
    if (outcome.kind === 'senseless') throw new Error(`line ${statement.at.line}: ${outcome.message}`)
    let isRefused = false
    try {
      if (statement.kind === 'add') {
        const known = new Set(before.map(({ text }) => text))
        for (const { table, entry, text } of allEntries(pipeline)) {
          if (!known.has(text)) await control.addEntry(table, entry)
        }
        continue
      }
      await mirror(statement, pipeline, control)
    } catch (error) {
      if (!(error instanceof ThriftRefusal)) throw error
      isRefused = true
    }
    if (isRefused !== (outcome.kind === 'refused')) {
      throw new Error(
        `line ${statement.at.line}: ${isRefused ? 'BMv2 refuses it' : 'BMv2 takes it'}; ours: ${outcome.kind}`,
      )
    }
  }
}

interface PlacedEntry {
  readonly table: Pipeline['tables'][number]
  readonly entry: NonNullable<ReturnType<Pipeline['entries']>>[number]
  readonly text: string
}

function allEntries(pipeline: Pipeline): PlacedEntry[] {
  return pipeline.tables.flatMap((table) =>
    (pipeline.entries(table.name) ?? []).map((entry) => ({
      table,
      entry,
      text: JSON.stringify([table.name, entry.keys, entry.priority ?? 0], (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    })),
  )
}

async function mirror(statement: StfStatement, pipeline: Pipeline, control: Bmv2Control): Promise<void> {
  switch (statement.kind) {
    case 'setdefault': {
      const table = pipeline.tables.find(({ name }) => name.endsWith(statement.table))!
      const action = table.actions.find(({ name }) => name.endsWith(statement.action.name))!
      const given = statement.action.arguments
      const values = action.parameters.map(({ name }) => given.find((one) => one.name === name)!.value)
      return control.setDefault(table, action.name, values)
    }
    case 'mirroringAdd':
      return control.setSession(statement.session, { port: statement.port })
    case 'mirroringAddMc':
      return control.setSession(statement.session, { group: statement.group })
    case 'mirroringDelete':
      return control.deleteSession(statement.session)
    case 'groupCreate':
      return control.createGroup(statement.group)
    case 'nodeCreate':
      await control.createNode(statement.instance, statement.ports)
      return
    case 'nodeUpdate':
      return control.updateNode(statement.handle, statement.ports)
    case 'nodeAssociate':
      return control.associate(statement.group, statement.handle)
    case 'registerWrite':
      return control.writeRegister(statement.name, statement.index, statement.value)
    case 'registerReset':
      return control.resetRegister(statement.name)
    case 'meterSetRates':
      return control.setMeter(statement.name, statement.index, statement.rates)
    default:
  }
}
