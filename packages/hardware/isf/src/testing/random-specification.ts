/** Valid specifications from a seed, for property tests: every kind of machine element and of assembly syntax. */

/** Small numbers from a seed; the same for the same seed. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to `count - 1`. */
  below(count: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * count)
  }

  bits(width: number): bigint {
    let value = 0n
    for (let bit = 0; bit < width; bit++) value = (value << 1n) | BigInt(this.below(2))
    return value
  }

  is(): boolean {
    return this.below(2) === 1
  }
}

const COMMENTS = ['// a comment', '//', "// another, with an ' and a ;"]

/** The text of a specification with 1 to 6 instructions of 8 to 128 bits, sprinkled with comments. */
export function randomSpecification(seed: number): string {
  const draw = new Draw(seed)
  const width = 8 + draw.below(121)
  const classWidth = 1 + draw.below(Math.min(5, width - 6))
  const note = (indent: string): string =>
    draw.below(6) === 0 ? `${indent}${COMMENTS[draw.below(COMMENTS.length)] ?? ''}\n${draw.is() ? '\n' : ''}` : ''
  let text = `${note('')}instruction_width = ${draw.is() ? width : `0x${width.toString(16)}`};\n\n`
  text += `/// A class.\nclass Reg { ${note('  ')}width: ${classWidth} }\n`
  const count = 1 + draw.below(6)
  for (let index = 0; index < count; index++) {
    text += instruction(draw, index, width, classWidth, note)
  }
  return text + note('')
}

function instruction(
  draw: Draw,
  index: number,
  width: number,
  classWidth: number,
  note: (indent: string) => string,
): string {
  const fields: string[] = []
  const machine: string[] = [`opcode: 5 = ${index}`]
  const syntax: string[] = [`'op${index}'`]
  let left = width - 5
  while (left > 0 && fields.length < 8) {
    const name = `f${fields.length}`
    const kind = draw.below(6)
    const fieldWidth = 1 + draw.below(Math.min(left, draw.below(4) === 0 ? 70 : 12))
    const doc = `    /// Field ${name}.\n${draw.is() ? '    ///\n    /// More of it.\n' : ''}`
    if (kind === 0 && classWidth <= left) {
      fields.push(`${doc}    ${name}: Reg`)
      machine.push(name)
      syntax.push(` 'r'${name}`)
      left -= classWidth
    } else if (kind === 1 && fieldWidth < left) {
      fields.push(`${doc}    ${name}: ${fieldWidth}`)
      machine.splice(1 + draw.below(machine.length), 0, draw.is() ? `${name}?` : `${name}?!`)
      machine.push(name)
      syntax.push(draw.is() ? ` '#${name}='[${name}]` : ` '@${name}'[.${name}]`)
      left -= fieldWidth + 1
    } else if (kind === 2 && fieldWidth > 1) {
      const cut = 1 + draw.below(fieldWidth - 1)
      const slices = [`${name}[0:${cut - 1}]`, `${name}[${cut}:${fieldWidth - 1}]`]
      fields.push(`${doc}    ${name}: ${fieldWidth}`)
      machine.push(slices[0] ?? '')
      machine.splice(1 + draw.below(machine.length), 0, slices[1] ?? '')
      syntax.push(`, ${name}`)
      left -= fieldWidth
    } else if (kind === 3) {
      fields.push(`${doc}    ${name}: 1`)
      machine.push(draw.is() ? name : `${name}!`)
      syntax.splice(1, 0, `['.x${name}' = ${name}]`)
      left -= 1
    } else if (kind === 4) {
      machine.push(
        draw.is() ? `_: ${fieldWidth}` : `pad${left}: ${fieldWidth} = ${draw.bits(Math.min(fieldWidth, 60))}`,
      )
      left -= fieldWidth
    } else {
      fields.push(`${doc}    ${name}: ${fieldWidth}`)
      machine.push(draw.is() ? name : `${name}!`)
      syntax.push(` ${name}`)
      left -= fieldWidth
    }
  }
  if (left > 0) machine.push(`_: ${left}`)
  const timing = ['', '  timing: 3 cycle\n', '  timing: async\n', '  timing: multi\n'][draw.below(4)] ?? ''
  return `
${note('')}/// Instruction ${index}.
${note('')}instruction Op${index} {
${timing}  fields:
${note('    ')}${fields.join(`,\n${note('    ')}`)}
${note('  ')}  assembly:
    ${syntax.join('')};
${note('  ')}  machine:
    ${machine.join(`,\n${note('    ')}    `)}${draw.is() ? ',' : ''}
}
`
}
