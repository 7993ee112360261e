/** A specification as a page for people, in Markdown or in HTML that needs nothing else. */
import type { Specification } from '../specification/model.ts'
import { pageOf, type Cell, type Part } from './page.ts'

export type DocsFormat = 'markdown' | 'html'

/** The whole page as text with a final newline. Text of the specification is shown as it is, never as markup. */
export function renderDocs(specification: Specification, format: DocsFormat): string {
  const parts = pageOf(specification)
  return format === 'html' ? html(parts) : markdown(parts)
}

function markdown(parts: readonly Part[]): string {
  return `${parts.map(markdownPart).join('\n\n')}\n`
}

function markdownPart(part: Part): string {
  if (part.kind === 'heading') return `${'#'.repeat(part.level)} <a id="${part.anchor}"></a>${markdownText(part.text)}`
  if (part.kind === 'text') return part.lines.map(markdownText).join('\n')
  const rows = part.rows.map((row) => `| ${row.map(markdownCell).join(' | ')} |`)
  return [`| ${part.head.join(' | ')} |`, `|${' --- |'.repeat(part.head.length)}`, ...rows].join('\n')
}

function markdownCell({ text, anchor }: Cell): string {
  return anchor === undefined ? markdownText(text) : `[${markdownText(text)}](#${anchor})`
}

function markdownText(text: string): string {
  return text.replace(/[\\`*_[\]<>|#]/g, (character) => `\\${character}`)
}

function html(parts: readonly Part[]): string {
  const title = parts[0]?.kind === 'heading' ? parts[0].text : ''
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${htmlText(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    ...parts.map(htmlPart),
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function htmlPart(part: Part): string {
  if (part.kind === 'heading') return `<h${part.level} id="${part.anchor}">${htmlText(part.text)}</h${part.level}>`
  if (part.kind === 'text') return `<p>${part.lines.map(htmlText).join('<br>\n')}</p>`
  const head = part.head.map((text) => `<th scope="col">${htmlText(text)}</th>`).join('')
  const rows = part.rows.map((row) => `<tr>${row.map((cell) => `<td>${htmlCell(cell)}</td>`).join('')}</tr>`)
  return `<table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${rows.join('\n')}\n</tbody>\n</table>`
}

function htmlCell({ text, anchor }: Cell): string {
  return anchor === undefined ? htmlText(text) : `<a href="#${anchor}">${htmlText(text)}</a>`
}

function htmlText(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character)
}

const STYLE = [
  'body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}',
  'table{border-collapse:collapse;width:100%}',
  'th,td{border:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top}',
  'td:nth-child(-n+2){font-family:ui-monospace,monospace;white-space:nowrap}',
].join('')
