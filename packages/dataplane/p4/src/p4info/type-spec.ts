/** Types as P4Info describes them (P4Runtime 1.4, section 8.4): widths for scalars, names for the rest, listed once. */
import type { CheckedProgram } from '../check/context.ts'
import { evaluateInteger } from '../check/evaluate.ts'
import type { Type } from '../check/type.ts'
import type { TextWriter } from './text-writer.ts'

type Declared = Extract<Type, { kind: 'struct' | 'newtype' | 'enum' }>

export class TypeSpecs {
  readonly #checked: CheckedProgram
  readonly #named = new Map<string, Declared>()
  #usesErrors = false

  constructor(checked: CheckedProgram) {
    this.#checked = checked
  }

  /** Width in bits as a controller sends it; undefined for strings and what has none. */
  width(input: Type): number | undefined {
    const type = this.#checked.context.inference.resolve(input)
    switch (type.kind) {
      case 'bit':
      case 'int':
      case 'varbit':
        return type.width
      case 'bool':
        return 1
      case 'newtype': {
        const translated = this.#translation(type)
        return translated === undefined ? this.width(type.target) : translated.width
      }
      case 'enum':
        return type.underlying === undefined ? undefined : this.width(type.underlying)
      default:
        return undefined
    }
  }

  /** `bitwidth` and, for types with a name of their own, `type_name`. */
  scalar(out: TextWriter, input: Type): void {
    const type = this.#checked.context.inference.resolve(input)
    out.number('bitwidth', this.width(type))
    if (type.kind === 'newtype' || (type.kind === 'enum' && type.underlying !== undefined)) {
      this.#note(type)
      out.message('type_name', () => out.text('name', type.declaration.name.text))
    }
  }

  /** A `P4DataTypeSpec` under a field name. */
  spec(out: TextWriter, field: string, input: Type): void {
    out.message(field, () => this.#spec(out, input))
  }

  #spec(out: TextWriter, input: Type): void {
    const type = this.#checked.context.inference.resolve(input)
    switch (type.kind) {
      case 'bit':
      case 'int':
      case 'varbit':
        out.message('bitstring', () => out.message(type.kind, () => out.number('bitwidth', type.width)))
        return
      case 'bool':
        out.message('bool', () => {})
        return
      case 'tuple':
      case 'listLiteral':
        out.message('tuple', () => {
          for (const element of type.elements) this.spec(out, 'members', element)
        })
        return
      case 'struct':
      case 'newtype':
      case 'enum': {
        this.#note(type)
        const isSerializable = type.kind === 'enum' && type.underlying !== undefined
        const word =
          type.kind === 'struct'
            ? type.form
            : type.kind === 'newtype'
              ? 'new_type'
              : isSerializable
                ? 'serializable_enum'
                : 'enum'
        out.message(word, () => out.text('name', type.declaration.name.text))
        return
      }
      case 'stack': {
        const element = this.#checked.context.inference.resolve(type.element)
        if (element.kind !== 'struct' || element.form === 'struct') return
        this.#note(element)
        out.message(element.form === 'header' ? 'header_stack' : 'header_union_stack', () => {
          out.message(element.form, () => out.text('name', element.declaration.name.text))
          out.number('size', type.size)
        })
        return
      }
      case 'error':
        this.#usesErrors = true
        out.message('error', () => {})
        return
      default:
    }
  }

  #note(type: Declared): void {
    this.#named.set(type.declaration.name.text, type)
  }

  /** The `type_info` message with every type that was mentioned, and those that these mention. */
  write(out: TextWriter): void {
    out.message(
      'type_info',
      () => {
        // The map grows while it is read: writing one type may mention others.
        for (const [name, type] of this.#named) this.#entry(out, name, type)
        if (this.#usesErrors) {
          out.message('error', () => {
            for (const name of this.#checked.errors) out.text('members', name)
          })
        }
      },
      true,
    )
  }

  #entry(out: TextWriter, name: string, type: Declared): void {
    if (type.kind === 'struct') {
      const field = { struct: 'structs', header: 'headers', header_union: 'header_unions' }[type.form]
      this.#keyed(out, field, name, () => {
        for (const member of this.#checked.context.fieldsOf(type)) {
          out.message('members', () => {
            out.text('name', member.name)
            if (type.form === 'struct') this.spec(out, 'type_spec', member.type)
            else if (type.form === 'header') this.#bitstring(out, member.type)
            else out.message('header', () => out.text('name', this.#nameOf(member.type)))
          })
        }
      })
    } else if (type.kind === 'enum') {
      const { declaration, underlying } = type
      const isSerializable = underlying !== undefined
      this.#keyed(out, isSerializable ? 'serializable_enums' : 'enums', name, () => {
        if (underlying !== undefined) {
          out.message('underlying_type', () => out.number('bitwidth', this.width(underlying)))
        }
        for (const member of declaration.members) {
          out.message('members', () => {
            out.text('name', member.name.text)
            const value = member.value === undefined ? undefined : evaluateInteger(this.#checked.context, member.value)
            if (value !== undefined) out.bytes('value', BigInt.asUintN(this.width(type) ?? 64, value))
          })
        }
      })
    } else {
      this.#keyed(out, 'new_types', name, () => {
        const translated = this.#translation(type)
        if (translated === undefined) {
          this.spec(out, 'original_type', type.target)
          return
        }
        out.message('translated_type', () => {
          out.text('uri', translated.uri)
          if (translated.width === undefined) out.message('sdn_string', () => {})
          else out.number('sdn_bitwidth', translated.width)
        })
      })
    }
  }

  #keyed(out: TextWriter, field: string, key: string, body: () => void): void {
    out.message(field, () => {
      out.text('key', key)
      out.message('value', body)
    })
  }

  /** A header's member is a `P4BitstringLikeTypeSpec`. */
  #bitstring(out: TextWriter, input: Type): void {
    const type = this.#checked.context.inference.resolve(input)
    const word = type.kind === 'int' || type.kind === 'varbit' ? type.kind : 'bit'
    out.message('type_spec', () => out.message(word, () => out.number('bitwidth', this.width(type))))
  }

  #nameOf(input: Type): string {
    const type = this.#checked.context.inference.resolve(input)
    return type.kind === 'struct' ? type.declaration.name.text : ''
  }

  /** What `@p4runtime_translation(uri, type)` says; without width the controller sends strings. */
  #translation(type: Extract<Type, { kind: 'newtype' }>): { uri: string; width: number | undefined } | undefined {
    const found = type.declaration.annotations.find((item) => item.name.text === 'p4runtime_translation')
    const [uri, second] = found?.values ?? []
    if (uri?.kind !== 'String') return undefined
    if (second?.kind === 'Integer') return { uri: uri.value, width: Number(second.value) }
    if (second?.kind === 'TypeExpression' && second.type.kind === 'BitType' && second.type.width?.kind === 'Integer') {
      return { uri: uri.value, width: Number(second.type.width.value) }
    }
    return { uri: uri.value, width: undefined }
  }
}
