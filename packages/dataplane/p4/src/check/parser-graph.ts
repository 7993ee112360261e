/** The states of a parser as a graph (P4-16 §13): which can be reached, and whether the parser can come to an end. */
import type { ParserDeclaration, ParserStateDeclaration } from '../syntax/ast.ts'

/** Names of the states that a state may go to; one without a transition goes to reject. */
export function successors(state: ParserStateDeclaration): string[] {
  const { transition } = state
  if (transition === undefined) return ['reject']
  if (transition.kind === 'Goto') return [transition.next.text]
  const names = transition.cases.map((item) => item.next.text)
  // Without a default, a packet that matches no case is rejected.
  const isTotal = transition.cases.some((item) =>
    item.keys.every((key) => key.kind === 'Default' || key.kind === 'DontCare'),
  )
  return isTotal ? names : [...names, 'reject']
}

/** Every state that can follow from `start`, in the order met; `accept` and `reject` included. */
export function reachableStates(parser: ParserDeclaration): Set<string> {
  const states = new Map(parser.states.map((state) => [state.name.text, state]))
  const seen = new Set<string>(['start'])
  for (const name of seen) {
    const state = states.get(name)
    if (state !== undefined) for (const next of successors(state)) seen.add(next)
  }
  return seen
}
