/** Macro expansion over tokens (C11 §6.10.3): arguments are expanded first, a macro is not expanded within itself. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import { Lexer } from '../syntax/lexer.ts'
import type { Token } from '../syntax/token.ts'

export interface Macro {
  readonly name: string
  /** Absent for an object-like macro. */
  readonly parameters: readonly string[] | undefined
  readonly body: readonly Token[]
}

/** Bounds what `#define A B B` chains can produce. */
const MAX_EXPANSION = 200_000
/** Macros within macros: far more than anybody writes, far less than the stack holds. */
const MAX_NESTING = 200

export function expandTokens(
  tokens: readonly Token[],
  macros: ReadonlyMap<string, Macro>,
  sink: DiagnosticSink,
  hidden: ReadonlySet<string> = new Set(),
): Token[] {
  const out: Token[] = []
  let at = 0
  while (at < tokens.length && out.length < MAX_EXPANSION) {
    const token = tokens[at]
    if (token === undefined) break
    at += 1
    if (token.kind !== 'identifier' && token.kind !== 'keyword') {
      out.push(token)
      continue
    }
    if (token.text === '__LINE__') {
      const value = BigInt(token.range.line)
      out.push({ ...token, kind: 'integer', text: String(value), integer: { value, signed: false } })
      continue
    }
    if (token.text === '__FILE__') {
      out.push({ ...token, kind: 'string', text: token.range.file })
      continue
    }
    const macro = macros.get(token.text)
    if (macro === undefined || hidden.has(macro.name)) {
      out.push(token)
      continue
    }
    let args: Token[][] = []
    if (macro.parameters !== undefined) {
      const call = collectArguments(tokens, at)
      if (call === undefined) {
        out.push(token)
        continue
      }
      at = call.next
      args = call.args
      if (macro.parameters.length === 0 && args.length === 1 && args[0]?.length === 0) args = []
      if (args.length !== macro.parameters.length && macro.parameters.at(-1) !== '...') {
        const wanted = `${macro.parameters.length} argument${macro.parameters.length === 1 ? '' : 's'}`
        sink.error('P4C1015', token.range, `macro '${macro.name}' takes ${wanted}, not ${args.length}`)
        continue
      }
    }
    if (hidden.size >= MAX_NESTING) {
      sink.error('P4C1016', token.range, `macro '${macro.name}' is nested too deeply in other macros`)
      continue
    }
    const body = substitute(macro, args, macros, sink, hidden, token)
    for (const expanded of expandTokens(body, macros, sink, new Set([...hidden, macro.name]))) out.push(expanded)
  }
  return out
}

function collectArguments(tokens: readonly Token[], from: number): { args: Token[][]; next: number } | undefined {
  if (tokens[from]?.kind !== 'operator' || tokens[from]?.text !== '(') return undefined
  const args: Token[][] = [[]]
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]
    if (token === undefined) return undefined
    const isOperator = token.kind === 'operator'
    if (isOperator && token.text === '(') {
      depth += 1
      if (depth === 1) continue
    } else if (isOperator && token.text === ')') {
      depth -= 1
      if (depth === 0) return { args, next: at + 1 }
    } else if (isOperator && token.text === ',' && depth === 1) {
      args.push([])
      continue
    }
    args.at(-1)?.push(token)
  }
  return undefined
}

function substitute(
  macro: Macro,
  args: readonly Token[][],
  macros: ReadonlyMap<string, Macro>,
  sink: DiagnosticSink,
  hidden: ReadonlySet<string>,
  use: Token,
): Token[] {
  const out: Token[] = []
  const parameters = macro.parameters ?? []
  for (let at = 0; at < macro.body.length; at++) {
    const token = macro.body[at]
    if (token === undefined) continue
    const isFirst = at === 0
    const following = macro.body[at + 1]
    if (token.text === '#' && token.kind === 'operator' && following !== undefined) {
      const index = parameters.indexOf(following.text)
      if (index !== -1) {
        at += 1
        const text = (args[index] ?? []).map((part) => (part.hasSpaceBefore ? ` ${part.text}` : part.text)).join('')
        out.push({ ...placed(token, use, isFirst), kind: 'string', text: text.trim() })
        continue
      }
    }
    if (token.text === '##' && token.kind === 'operator' && following !== undefined && out.length > 0) {
      at += 1
      const index = parameters.indexOf(following.text)
      const right = index === -1 ? [following] : (args[index] ?? [])
      const left = out.pop()
      const text = (left?.text ?? '') + (right[0]?.text ?? '')
      out.push(...relex(text, use.range), ...right.slice(1))
      continue
    }
    const index = token.kind === 'identifier' || token.kind === 'keyword' ? parameters.indexOf(token.text) : -1
    if (index === -1) {
      out.push(placed(token, use, isFirst))
    } else if (following?.text === '##') {
      out.push(...(args[index] ?? []))
    } else {
      out.push(...expandTokens(args[index] ?? [], macros, sink, hidden))
    }
  }
  return out
}

function placed(token: Token, use: Token, isFirst: boolean): Token {
  return {
    ...token,
    range: use.range,
    startsLine: isFirst ? use.startsLine : false,
    hasSpaceBefore: isFirst ? use.hasSpaceBefore : token.hasSpaceBefore,
  }
}

function relex(text: string, range: Range): Token[] {
  const lexer = new Lexer(range.file, text)
  const out: Token[] = []
  for (let token = lexer.next(); token.kind !== 'end'; token = lexer.next()) out.push({ ...token, range })
  return out
}
