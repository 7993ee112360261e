/**
 * WebAssembly modules of programs, made once per program and variant however many pipelines run it: generating and
 * compiling takes tens of milliseconds, and instances of one module share what the engine has optimised.
 */
import { type Generated, generate, type Program } from '@lodestone/p4'

export type VariantKind = 'fast' | 'traced' | 'logged'

export class CompiledModules {
  readonly generated: Generated
  readonly #modules = new Map<VariantKind, WebAssembly.Module>()

  private constructor(program: Program) {
    this.generated = generate(program)
  }

  static readonly #known = new WeakMap<Program, CompiledModules>()

  static of(program: Program): CompiledModules {
    let known = CompiledModules.#known.get(program)
    if (known === undefined) {
      known = new CompiledModules(program)
      CompiledModules.#known.set(program, known)
    }
    return known
  }

  module(kind: VariantKind): WebAssembly.Module {
    let module = this.#modules.get(kind)
    if (module === undefined) {
      const { generated } = this
      module = new WebAssembly.Module(kind === 'logged' ? generated.logged() : generated[kind])
      this.#modules.set(kind, module)
    }
    return module
  }
}
