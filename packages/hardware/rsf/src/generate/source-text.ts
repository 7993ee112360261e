/** Lines of source: indentation, documentation comments and literals. */

/** Indents by braces at line ends; templates below write their lines without indentation. */
export function layOut(lines: readonly string[]): string {
  let depth = 0
  const out: string[] = []
  let previous = ''
  for (const line of lines) {
    if (/^[}\])]/.test(line)) depth -= 1
    const extra = /^(case .*|default):$/.test(previous) ? 1 : 0
    out.push(line === '' ? '' : '  '.repeat(depth + extra) + line)
    previous = line
    if (/[{[(]$/.test(line) && !line.startsWith(' *') && !line.startsWith('/**')) depth += 1
  }
  return `${out.join('\n')}\n`
}

/** A documentation comment; nothing when there is no text. */
export function comment(doc: readonly string[]): readonly string[] {
  const lines = doc.map((line) => line.replaceAll('*/', '*\\/'))
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) return []
  if (lines.length === 1) return [`/** ${lines[0]} */`]
  return ['/**', ...lines.map((line) => (line === '' ? ' *' : ` * ${line}`)), ' */']
}

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`
}

/** A run of ones: `width` bits from bit `offset`. */
export function maskOf(field: { readonly offset: number; readonly width: number }): bigint {
  return ((1n << BigInt(field.width)) - 1n) << BigInt(field.offset)
}

/** The literal of a register's raw value: a number up to 32 bits, a bigint above. */
export function rawLiteral(value: bigint, registerBits: number): string {
  return registerBits <= 32 ? hex(value) : `${hex(value)}n`
}
