/** Names in generated code: those of the specification, changed only where TypeScript or the generated module needs them. */
import type { RegisterClass, Specification } from '../spec/specification.ts'

const RESERVED = new Set(
  (
    'any as async await bigint boolean break case catch class const continue debugger default delete do else enum ' +
    'export extends false finally for function if implements import in instanceof interface keyof let never new null ' +
    'number object package private protected public readonly return static string super switch symbol this throw true ' +
    'try type typeof undefined unique unknown var void while with yield ' +
    // What the generated module declares, imports or uses.
    'Array ArrayLike AssembleOptions AssembleResult DisassembledWord Instruction InstructionSet InstructionSyntax ' +
    'RangeError Readonly Record Timing Word brand'
  ).split(' '),
)

export interface TypeNames {
  readonly classes: ReadonlyMap<string, string>
  readonly instructions: ReadonlyMap<string, string>
}

export function nameTypes(specification: Specification): TypeNames {
  const taken = new Set(RESERVED)
  const take = (wanted: string): string => {
    let name = wanted
    while (taken.has(name)) name += '_'
    taken.add(name)
    return name
  }
  return {
    classes: new Map(specification.classes.map(({ name }) => [name, take(name)])),
    instructions: new Map(specification.instructions.map(({ name }) => [name, take(name)])),
  }
}

export function classValueType({ width }: RegisterClass): 'number' | 'bigint' {
  return width <= 32 ? 'number' : 'bigint'
}

/** A string literal of TypeScript. */
export function quote(text: string): string {
  return `'${text
    .replace(/[\\']/g, '\\$&')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/[\u2028\u2029]/g, ' ')}'`
}

/** A documentation comment, with nothing in it that would end it. */
export function docComment(doc: string, indent = ''): string {
  const lines = doc.replaceAll('*/', '*\\/').split('\n')
  if (lines.length === 1) return `${indent}/** ${lines[0] ?? ''} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`
}

export function hex(value: number): string {
  return value < 10 ? String(value) : `0x${value.toString(16)}`
}
