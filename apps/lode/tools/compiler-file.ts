/**
 * The P4 compiler as a file of its own in a bundle, most of which Node's compile cache keeps. That cache is filled when a module has been loaded, and V8
 * compiles a function when it is first called, or with its module if it stands in parentheses: so the file's functions are put into
 * parentheses, in front of all else, where declarations count from too. Compiling a small program takes a third less that way.
 */
import type { OutputOptions } from 'rolldown'
import { parseAst } from 'rolldown/parseAst'

const NAME = 'p4'

export const COMPILER_FILE: OutputOptions = {
  codeSplitting: { groups: [{ name: NAME, test: /packages.dataplane.p4.src/ }] },
  plugins: [
    {
      name: 'kept-functions',
      renderChunk: (code, chunk) => (chunk.name === NAME ? withKeptFunctions(code) : null),
    },
  ],
}

/** Nothing assigns to a declared function here, so a variable says the same. */
function withKeptFunctions(code: string): string {
  const statements = parseAst(code).body
  const functions = statements.flatMap((each) =>
    // A name is what only `export default` may leave out, and bundles export by a list.
    each.type === 'FunctionDeclaration' && each.id !== null
      ? [{ name: each.id.name, start: each.start, end: each.end }]
      : [],
  )
  const start = statements.findLast((each) => each.type === 'ImportDeclaration')?.end ?? 0
  const kept = functions.map((each) => `var ${each.name} = (${code.slice(each.start, each.end)});`)
  const ends = [start, ...functions.map((each) => each.end)]
  const rest = ends.map((end, at) => code.slice(end, functions[at]?.start ?? code.length))
  return [code.slice(0, start), ...kept, rest.join('')].join('\n')
}
