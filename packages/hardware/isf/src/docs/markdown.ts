/** The instruction set as one Markdown page. */
import type { Specification } from '../spec/specification.ts'
import { describeSpecification, type InstructionEntry } from './page.ts'

export interface DocsOptions {
  readonly title: string
}

export function renderMarkdown(specification: Specification, { title }: DocsOptions): string {
  const page = describeSpecification(specification, title)
  const out = [`# ${inline(page.title)}`, '', page.summary, '']
  if (page.classes.length > 0) {
    out.push('## Registers', '')
    out.push(
      ...table(
        ['Class', 'Width', 'Meaning'],
        page.classes.map(({ name, width, doc }) => [code(name), width, cell(doc)]),
      ),
    )
  }
  const rows = page.instructions.map(({ name, assembly, timing, doc }) => [
    `[${name}](#${name.toLowerCase()})`,
    code(assembly),
    timing,
    cell(doc),
  ])
  out.push('## Instructions', '', ...table(['Instruction', 'Assembly', 'Cost', 'Meaning'], rows))
  for (const entry of page.instructions) out.push(...instruction(entry))
  return `${out.join('\n').trimEnd()}\n`
}

function instruction(entry: InstructionEntry): string[] {
  const out = [
    `### ${entry.name}`,
    '',
    ...entry.doc.split('\n').map(inline),
    '',
    `${code(entry.assembly)}, ${entry.timing}`,
    '',
  ]
  if (entry.fields.length > 0) {
    const rows = entry.fields.map(({ name, type, doc }) => [code(name), type, cell(doc)])
    out.push(...table(['Field', 'Type', 'Meaning'], rows))
  }
  out.push(
    ...table(
      ['Bits', 'Content'],
      entry.layout.map(({ bits, content }) => [bits, cell(content)]),
    ),
  )
  if (entry.examples.length > 0) {
    const rows = entry.examples.map(({ text, word, doc }) => [code(text), code(word), cell(doc)])
    out.push(...table(['Example', 'Word', 'Meaning'], rows))
  }
  return out
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}

/** Text of a specification is data: it must not become markup. */
function inline(text: string): string {
  return text.replace(/[\\`*_[\]<>|#]/g, '\\$&')
}

function cell(text: string): string {
  return inline(text.replace(/\s+/g, ' '))
}

/** Code in a table cell; a fence longer than any run of backquotes in it. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  const space = longest > 0 ? ' ' : ''
  return `${fence}${space}${text.replaceAll('|', '\\|')}${space}${fence}`
}
