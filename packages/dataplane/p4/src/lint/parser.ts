/** Lints of parsers: states that nothing leads to, states that end in reject unasked, loops that read nothing. */
import { reachableStates, successors } from '../check/parser-graph.ts'
import type { ParserDeclaration, ParserStateDeclaration } from '../syntax/ast.ts'
import { forEachExpressionIn } from '../syntax/walk.ts'
import type { Linter } from './linter.ts'

export function lintParsers(linter: Linter): void {
  for (const declaration of linter.checked.tree.declarations) {
    if (declaration.kind !== 'Parser' || declaration.isType) continue
    const reached = reachableStates(declaration)
    for (const state of declaration.states) {
      const { text, range } = state.name
      if (!reached.has(text)) linter.warn('P4C7003', range, `no transition leads to state '${text}'`)
      else if (state.transition === undefined) {
        const notes = [{ message: "write 'transition accept;' or 'transition reject;' to say which is meant" }]
        linter.warn('P4C7012', range, `state '${text}' has no transition, so every packet is rejected here`, { notes })
      }
    }
    lintLoops(linter, declaration, reached)
  }
}

/** A cycle of states none of which consumes anything runs until the target stops it. */
function lintLoops(linter: Linter, parser: ParserDeclaration, reached: ReadonlySet<string>): void {
  const idle = new Map(
    parser.states
      .filter((state) => reached.has(state.name.text) && !mayConsume(linter, state))
      .map((state) => [state.name.text, state]),
  )
  for (const [name, state] of idle) {
    const seen = new Set<string>()
    const queue = successors(state)
    for (const next of queue) {
      const following = idle.get(next)
      if (following === undefined || seen.has(next)) continue
      seen.add(next)
      queue.push(...successors(following))
    }
    if (!seen.has(name)) continue
    const notes = [{ message: `the loop goes through ${[...seen].map((item) => `'${item}'`).join(', ')}` }]
    linter.warn('P4C7013', state.name.range, `the parser can loop through state '${name}' without reading anything`, {
      notes,
    })
    return
  }
}

/** Anything that may move the packet on, or change what the loop decides on. */
function mayConsume(linter: Linter, state: ParserStateDeclaration): boolean {
  let isFound = false
  for (const statement of state.statements) {
    if (statement.kind === 'Assign') isFound = true
    forEachExpressionIn(statement, (expression) => {
      if (expression.kind !== 'Call') return
      const call = linter.checked.calls.get(expression)
      if (call?.kind !== 'builtin') isFound = true
    })
  }
  return isFound
}
