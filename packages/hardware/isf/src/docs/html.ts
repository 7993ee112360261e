/** The instruction set as one HTML page that needs nothing else: no scripts, no other files. */
import type { Specification } from '../spec/specification.ts'
import type { DocsOptions } from './markdown.ts'
import { describeSpecification, type InstructionEntry } from './page.ts'

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0.5rem 0 1rem }
th, td { border: 1px solid #8886; padding: 0.2rem 0.6rem; text-align: left; vertical-align: top }
code { font-family: ui-monospace, monospace }
:root { color-scheme: light dark }`

export function renderHtml(specification: Specification, { title }: DocsOptions): string {
  const page = describeSpecification(specification, title)
  const rows = page.instructions.map(({ name, assembly, timing, doc }) => [
    `<a href="#${escape(name)}">${escape(name)}</a>`,
    code(assembly),
    escape(timing),
    escape(doc),
  ])
  const classes = page.classes.map(({ name, width, doc }) => [code(name), escape(width), escape(doc)])
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(page.title)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>${escape(page.title)}</h1>
<p>${escape(page.summary)}</p>
${classes.length === 0 ? '' : `<h2>Registers</h2>\n${table(['Class', 'Width', 'Meaning'], classes)}\n`}<h2>Instructions</h2>
${table(['Instruction', 'Assembly', 'Cost', 'Meaning'], rows)}
${page.instructions.map(instruction).join('\n')}
</body>
</html>
`
}

function instruction(entry: InstructionEntry): string {
  const fields = entry.fields.map(({ name, type, doc }) => [code(name), escape(type), escape(doc)])
  const layout = entry.layout.map(({ bits, content }) => [escape(bits), escape(content)])
  const examples = entry.examples.map(({ text, word, doc }) => [code(text), code(word), escape(doc)])
  return [
    `<section id="${escape(entry.name)}">`,
    `<h3>${escape(entry.name)}</h3>`,
    ...entry.doc.split('\n\n').map((paragraph) => `<p>${escape(paragraph)}</p>`),
    `<p>${code(entry.assembly)}, ${escape(entry.timing)}</p>`,
    fields.length === 0 ? '' : table(['Field', 'Type', 'Meaning'], fields),
    table(['Bits', 'Content'], layout),
    examples.length === 0 ? '' : table(['Example', 'Word', 'Meaning'], examples),
    '</section>',
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`
  return `<table>\n${[line(head, 'th'), ...rows.map((row) => line(row, 'td'))].join('\n')}\n</table>`
}

function code(text: string): string {
  return `<code>${escape(text)}</code>`
}

/** Text of a specification is data: it must not become markup. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
