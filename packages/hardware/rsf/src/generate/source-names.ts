/**
 * What generated things are called. Types of modules carry the module's path (`ethernet::Fec` is `EthernetFec`);
 * members are camelCase. Whatever would collide gets a number, so every specification generates.
 */
import type { BlockType, EnumType, RegisterType, Specification } from '../specification/model.ts'

/** Names that generated source uses itself. */
const TAKEN_TYPES = [
  ...['Array', 'BigInt', 'Bits', 'BitsInput', 'Number', 'Object', 'Promise', 'RangeError', 'Readonly', 'String'],
  ...['RegisterFile', 'RegisterShape', 'SimulatedRegister', 'Infinity', 'NaN'],
  ...['SyncPlatform', 'WideSyncPlatform', 'AsyncPlatform', 'WideAsyncPlatform', 'SyncMemories', 'AsyncMemories'],
]

/** Members that every class has. */
const TAKEN_MEMBERS = [...['constructor', 'raw', 'address'], ...Object.getOwnPropertyNames(Object.prototype)]

export interface SourceNames {
  readonly enums: ReadonlyMap<EnumType, string>
  readonly registers: ReadonlyMap<RegisterType, string>
  readonly blocks: ReadonlyMap<BlockType, string>
  /** From the root file's name: `nicClient`, `nicAsyncClient`, `nicSimulation`. */
  readonly device: string
}

export function sourceNames(specification: Specification): SourceNames {
  const scope = new Scope(TAKEN_TYPES)
  const stem = specification.file.replace(/^.*\//, '').replace(/\.rsf$/, '')
  const wanted = camelCase(stem.replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?![A-Za-z])/, 'device'))
  const device = scope.take(wanted, (name) => [`${name}Client`, `${name}AsyncClient`, `${name}Simulation`])
  const typeName = (type: { readonly module: readonly string[]; readonly name: string }): string =>
    [...type.module, type.name].map(pascalCase).join('')
  const named = <T extends EnumType | RegisterType | BlockType>(
    types: readonly T[],
    derived: (name: string) => readonly string[],
  ): ReadonlyMap<T, string> => new Map(types.map((type) => [type, scope.take(typeName(type), derived)]))
  return {
    device,
    enums: named(specification.enums, (name) => [name, `encode${name}`, `decode${name}`]),
    registers: named(specification.registers, (name) => [
      ...[name, `Simulated${name}`, `${name}Register`, `${name}AsyncRegister`],
      ...[`${name}Fields`, `patch${name}`, `simulate${name}`, `${camelCase(name)}Shape`, `${camelCase(name)}Class`],
    ]),
    blocks: named(specification.blocks, (name) => [`${name}Block`, `${name}AsyncBlock`, `${name}Simulation`]),
  }
}

/** The member's name in its class, for each member by its name in the specification. */
export function memberNames(members: readonly { readonly name: string }[]): ReadonlyMap<string, string> {
  const scope = new Scope(TAKEN_MEMBERS)
  const derived = (name: string): readonly string[] => [name, `${name}Raw`, `${name}Count`]
  return new Map(members.map(({ name }) => [name, scope.take(camelCase(name), derived)]))
}

/** `signal_error` to `signalError`; an underscore that joins nothing stays. */
export function camelCase(name: string): string {
  return joined(name).replace(/^[A-Z]+(?![a-z])|^[A-Z]/, (start) => start.toLowerCase())
}

export function pascalCase(name: string): string {
  return upper(joined(name))
}

function joined(name: string): string {
  return name.replace(/(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g, (_, after: string) => upper(after))
}

function upper(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

class Scope {
  readonly #taken: Set<string>

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken)
  }

  /** `wanted`, or `wanted` with a number, such that everything derived from it is free. */
  take(wanted: string, derived: (name: string) => readonly string[]): string {
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${wanted}${number}`
      const names = [name, ...derived(name)]
      if (names.some((each) => this.#taken.has(each))) continue
      for (const each of names) this.#taken.add(each)
      return name
    }
  }
}
