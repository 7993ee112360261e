/**
 * An enum as an `as const` object and a union. Its values are strings that carry the enum's name: values of two enums
 * do not mix, undeclared bits cannot be written down, a `switch` is exhaustive, and a log reads well. The functions
 * use the strings themselves: loading them from the object costs several times as much.
 */
import type { EnumType } from '../specification/model.ts'
import type { SourceNames } from './source-names.ts'
import { comment, hex } from './source-text.ts'

export function renderEnum(type: EnumType, names: SourceNames): readonly string[] {
  // Because every enum has a name.
  const name = names.enums.get(type)!
  const rows = type.alternatives.map((alternative) => ({ ...alternative, key: keyOf(alternative.name) }))
  const members = rows.flatMap((row) => [...comment(row.doc), `${row.key}: '${name}.${row.name}',`])
  const encode = rows.flatMap((row) => [`case '${name}.${row.name}':`, `return ${hex(row.value)}`])
  const decoded = type.isExhaustive ? name : `${name} | undefined`
  const decode = rows.flatMap((row, index) => {
    const isLast = type.isExhaustive && index === rows.length - 1
    return [isLast ? 'default:' : `case ${hex(row.value)}:`, `return '${name}.${row.name}'`]
  })
  if (!type.isExhaustive) decode.push('default:', 'return undefined')
  return [
    ...comment(type.doc),
    `export const ${name} = {`,
    ...members,
    '} as const',
    `export type ${name} = (typeof ${name})[keyof typeof ${name}]`,
    '',
    `/** The bits of a value of ${name}. Throws RangeError for what is none. */`,
    `export function encode${name}(value: ${name}): number {`,
    'switch (value) {',
    ...encode,
    'default:',
    `throw undeclared(value, '${name}')`,
    '}',
    '}',
    '',
    type.isExhaustive
      ? `/** The value with these ${type.width} bits. */`
      : `/** The value with these ${type.width} bits, or undefined when none is declared. */`,
    `export function decode${name}(raw: number): ${decoded} {`,
    'switch (raw) {',
    ...decode,
    '}',
    '}',
  ]
}

/** `__proto__: …` in an object literal would set the prototype. */
function keyOf(name: string): string {
  return name === '__proto__' ? '__proto__2' : name
}
