/** A specification as one TypeScript source file: enums, values, clients and a simulated register file. */
import type { Specification } from '../specification/model.ts'
import { renderBlockClass, renderFieldsRecord, renderRegisterClass, type ClientStyle } from './client-classes.ts'
import { renderEnum } from './enum-source.ts'
import { renderBlockSimulation, renderRegisterSimulation } from './simulation-classes.ts'
import { sourceNames, type SourceNames } from './source-names.ts'
import { comment, layOut } from './source-text.ts'
import { constructorName, renderValueClass } from './value-class.ts'

export interface GenerateOptions {
  /** What generated source imports its runtime from. Default `@lodestone/rsf`. */
  readonly runtime?: string
  /** Which parts to write besides enums and values. Default: all. */
  readonly parts?: readonly ('sync' | 'async' | 'simulation')[]
}

const RUNTIME_VALUES = ['RegisterFile', 'SimulatedRegister', 'indexIn', 'outOfRange', 'undeclared']
const RUNTIME_TYPES = [
  ...[
    'AsyncMemories',
    'AsyncPlatform',
    'Bits',
    'BitsInput',
    'RegisterShape',
    'SyncMemories',
    'SyncPlatform',
    'WideAsyncPlatform',
    'WideSyncPlatform',
  ],
]

/**
 * The source text, the same for the same specification. It exports `<file>Client(platform)`,
 * `<file>AsyncClient(platform)` and `<file>Simulation()` besides the classes of registers and blocks.
 */
export function generateClient(specification: Specification, options: GenerateOptions = {}): string {
  const { runtime = '@lodestone/rsf', parts = ['sync', 'async', 'simulation'] } = options
  const names = sourceNames(specification)
  const isWide = specification.registers.some((register) => register.width > 32 && !register.isSram)
  const wide = isWide ? 'Wide' : ''
  const hasMemories = specification.blocks.some((block) => block.isSram)
  const sections: (readonly string[])[] = [
    ...specification.enums.map((type) => renderEnum(type, names)),
    ...specification.registers.map((register) => renderValueClass(register, names, 'driver')),
  ]
  const clients: (readonly string[])[] = []
  if (parts.includes('sync') || parts.includes('async')) {
    clients.push(...specification.registers.map((register) => renderFieldsRecord(register, names)))
  }
  if (parts.includes('sync')) {
    clients.push(
      ...client(specification, names, {
        isAsync: false,
        platform: `${wide}SyncPlatform${hasMemories ? ' & SyncMemories' : ''}`,
      }),
    )
  }
  if (parts.includes('async')) {
    clients.push(
      ...client(specification, names, {
        isAsync: true,
        platform: `${wide}AsyncPlatform${hasMemories ? ' & AsyncMemories' : ''}`,
      }),
    )
  }
  sections.push(constructors(names, clients.flat()), ...clients)
  if (parts.includes('simulation')) sections.push(...simulation(specification, names))
  const body = sections.flatMap((lines) => (lines.length === 0 ? [] : ['', ...lines]))
  const file = specification.file.replace(/^.*\//, '')
  const header = comment([`Registers of ${file}.`, 'GENERATED from it; do not edit.'])
  return layOut([...header, ...imports(body.join('\n'), runtime), ...body])
}

/** Constants that clients make values with, as far as they do. */
function constructors(names: SourceNames, clients: readonly string[]): readonly string[] {
  const text = clients.join('\n')
  const used = [...names.registers.values()].filter((name) => text.includes(`new ${constructorName(name)}(`))
  if (used.length === 0) return []
  return [
    '// The engine folds a constant; the binding of a class it loads and checks at every `new`.',
    ...used.map((name) => `const ${constructorName(name)} = ${name}`),
  ]
}

function client(specification: Specification, names: SourceNames, style: ClientStyle): readonly (readonly string[])[] {
  const suffix = style.isAsync ? 'Async' : ''
  const root = `${names.blocks.get(specification.main)}${suffix}Block`
  return [
    ...specification.registers.map((register) => renderRegisterClass(register, names, style.isAsync)),
    ...specification.blocks.map((block) => renderBlockClass(block, names, style)),
    [
      ...comment([`A client of the whole device; \`address\` (bytes) is where the platform has it.`]),
      `export function ${names.device}${suffix}Client(platform: ${style.platform}, address = 0): ${root} {`,
      `return new ${root}(platform, address)`,
      '}',
    ],
  ]
}

function simulation(specification: Specification, names: SourceNames): readonly (readonly string[])[] {
  const { registers } = specification
  const main = `${names.blocks.get(specification.main)}Simulation`
  return [
    ...registers.map((register) => renderValueClass(register, names, 'device')),
    ...registers.map((register) => renderRegisterSimulation(register, names)),
    ...specification.blocks.map((block) => renderBlockSimulation(block, names)),
    [
      ...comment(['A simulated device: `platform` for its driver, `device` to play it.']),
      `export function ${names.device}Simulation(): { readonly platform: RegisterFile; readonly device: ${main} } {`,
      'const platform = new RegisterFile()',
      `return { platform, device: new ${main}(platform) }`,
      '}',
    ],
  ]
}

function imports(body: string, runtime: string): readonly string[] {
  const isUsed = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(body)
  const values = RUNTIME_VALUES.filter(isUsed)
  const types = RUNTIME_TYPES.filter(isUsed)
  const from = `from ${JSON.stringify(runtime).replaceAll('"', "'")}`
  return [
    ...(types.length === 0 ? [] : [`import type { ${types.join(', ')} } ${from}`]),
    ...(values.length === 0 ? [] : [`import { ${values.join(', ')} } ${from}`]),
  ]
}
