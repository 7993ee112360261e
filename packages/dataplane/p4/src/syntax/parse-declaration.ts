/** Declarations at the top level and inside controls and parsers (P4-16 §7, §10 to §14), with recovery. */
import type {
  ActionDeclaration,
  Annotation,
  ConstDeclaration,
  ConstructorDeclaration,
  Declaration,
  FunctionDeclaration,
  InstantiationDeclaration,
  Name,
  StructField,
  SyntaxTree,
  TypeNode,
  VariableDeclaration,
} from './ast.ts'
import { Cursor } from './cursor.ts'
import { parseAnnotations } from './parse-annotation.ts'
import { parseControl, parseParser } from './parse-block.ts'
import { parseExpression } from './parse-expression.ts'
import { parseBlock } from './parse-statement.ts'
import { parseArguments, parseParameters, parseType, parseTypeParameters, startsType } from './parse-type.ts'
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Token } from './token.ts'

const STARTS_DECLARATION = new Set([
  'const',
  'struct',
  'header',
  'header_union',
  'enum',
  'typedef',
  'type',
  'extern',
  'control',
  'parser',
  'package',
  'action',
  'error',
  'match_kind',
])

/** Tokens ending with an `end` token to a tree; always returns one. */
export function parseProgram(tokens: readonly Token[], sink: DiagnosticSink): SyntaxTree {
  const cursor = new Cursor(tokens, sink)
  const declarations: Declaration[] = []
  while (!cursor.isAtEnd) {
    const before = cursor.position
    if (cursor.accept(';')) continue
    const declaration = parseTopLevel(cursor)
    if (declaration !== undefined) declarations.push(declaration)
    if (cursor.position === before) {
      cursor.unexpected('a declaration')
      skipDeclaration(cursor)
    }
  }
  return { declarations }
}

function skipDeclaration(cursor: Cursor): void {
  cursor.next()
  let depth = 0
  while (!cursor.isAtEnd) {
    const token = cursor.token
    if (depth === 0 && token.startsLine && STARTS_DECLARATION.has(token.text)) return
    if (cursor.is('{')) depth += 1
    if (cursor.is('}')) depth = Math.max(0, depth - 1)
    const isEnd = depth === 0 && (cursor.is(';') || cursor.is('}'))
    cursor.next()
    if (isEnd) return
  }
}

function parseTopLevel(cursor: Cursor): Declaration | undefined {
  const annotations = parseAnnotations(cursor)
  switch (cursor.token.kind === 'string' ? '' : cursor.token.text) {
    case 'const':
      return parseConstant(cursor, annotations)
    case 'struct':
    case 'header':
    case 'header_union':
      return parseStruct(cursor, annotations)
    case 'enum':
      return parseEnum(cursor, annotations)
    case 'typedef':
      return parseTypedef(cursor, annotations)
    case 'type':
      if (cursor.is('(', 1) || cursor.is('<', 1)) break
      return parseTypedef(cursor, annotations)
    case 'extern':
      return parseExtern(cursor, annotations)
    case 'control':
      return parseControl(cursor, annotations)
    case 'parser':
      return parseParser(cursor, annotations)
    case 'package':
      return parsePackage(cursor, annotations)
    case 'action':
      return parseAction(cursor, annotations)
    case 'error':
    case 'match_kind':
      if (cursor.is('{', 1)) return parseMembers(cursor, annotations)
      break
    default:
      break
  }
  if (startsType(cursor) || cursor.isName()) return parseFunctionOrInstantiation(cursor, annotations)
  if (annotations.length > 0) cursor.unexpected('a declaration after the annotations')
  return undefined
}

export function parseConstant(cursor: Cursor, annotations: readonly Annotation[]): ConstDeclaration {
  const start = cursor.next().range
  const type = parseType(cursor)
  const name = cursor.name('a constant name')
  const isAssigned = cursor.expect('=', 'and a value after the name of a constant')
  const initializer = isAssigned
    ? parseExpression(cursor)
    : ({ kind: 'BadExpression', range: cursor.token.range } as const)
  cursor.declare(name.text, 'value')
  endDeclaration(cursor, 'after the constant')
  return { kind: 'Const', annotations, type, name, initializer, range: cursor.since(start) }
}

function endDeclaration(cursor: Cursor, context: string): void {
  if (!cursor.expect(';', context) && !cursor.token.startsLine) cursor.skipStatement()
}

/** `T x;`, `T x = e;`, `T(a) x;` and `T(a) x = { … };`; the final `;` is left where `isStatement` is false. */
export function parseVariableOrInstantiation(
  cursor: Cursor,
  annotations: readonly Annotation[],
  isStatement = true,
): VariableDeclaration | InstantiationDeclaration {
  const start = cursor.token.range
  const type = parseType(cursor)
  if (cursor.is('(')) return parseInstantiation(cursor, annotations, type, start)
  const name = cursor.name('a variable name')
  const initializer = cursor.accept('=') ? parseExpression(cursor) : undefined
  cursor.declare(name.text, 'value')
  if (isStatement) endDeclaration(cursor, 'after the declaration')
  return { kind: 'Variable', annotations, type, name, initializer, range: cursor.since(start) }
}

function parseInstantiation(
  cursor: Cursor,
  annotations: readonly Annotation[],
  type: TypeNode,
  start: Name['range'],
): InstantiationDeclaration {
  const args = parseArguments(cursor)
  const name = cursor.name('an instance name')
  cursor.declare(name.text, 'value')
  let size: InstantiationDeclaration['size']
  if (cursor.accept('[')) {
    size = parseExpression(cursor)
    cursor.expect(']', 'after the size of the array')
  }
  const body = cursor.accept('=') ? parseObjectBody(cursor) : undefined
  endDeclaration(cursor, 'after the instantiation')
  return { kind: 'Instantiation', annotations, type, name, args, size, body, range: cursor.since(start) }
}

/** `{ method bodies and instances }` of an extern with abstract methods. */
function parseObjectBody(cursor: Cursor): InstantiationDeclaration['body'] {
  const start = cursor.token.range
  cursor.expect('{', 'to begin the implementation')
  cursor.pushScope()
  const statements: { kind: 'DeclarationStatement'; declaration: Declaration; range: Name['range'] }[] = []
  while (!cursor.is('}') && !cursor.isAtEnd) {
    const before = cursor.position
    const annotations = parseAnnotations(cursor)
    const declaration = parseFunctionOrInstantiation(cursor, annotations)
    if (declaration !== undefined) {
      statements.push({ kind: 'DeclarationStatement', declaration, range: declaration.range })
    }
    if (cursor.position === before) cursor.next()
  }
  cursor.popScope()
  cursor.expect('}', 'to close the implementation')
  return { kind: 'Block', annotations: [], statements, range: cursor.since(start) }
}

function parseFunctionOrInstantiation(cursor: Cursor, annotations: readonly Annotation[]): Declaration | undefined {
  const start = cursor.token.range
  const type = parseType(cursor)
  if (cursor.is('(')) return parseInstantiation(cursor, annotations, type, start)
  if (cursor.is('{') || cursor.isAtEnd || (!cursor.isName() && cursor.token.kind !== 'keyword')) {
    cursor.unexpected('a name')
    cursor.skipStatement()
    return undefined
  }
  const name = cursor.name('a name')
  if (cursor.is('(') || cursor.is('<')) {
    return parseFunctionRest(cursor, annotations, type, name, start, false, false)
  }
  const initializer = cursor.accept('=') ? parseExpression(cursor) : undefined
  cursor.declare(name.text, 'value')
  endDeclaration(cursor, 'after the declaration')
  return { kind: 'Variable', annotations, type, name, initializer, range: cursor.since(start) }
}

function parseFunctionRest(
  cursor: Cursor,
  annotations: readonly Annotation[],
  returnType: TypeNode,
  name: Name,
  start: Name['range'],
  isExtern: boolean,
  isAbstract: boolean,
): FunctionDeclaration {
  cursor.declare(name.text, 'value')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  const parameters = parseParameters(cursor)
  let body: FunctionDeclaration['body']
  if (!isExtern && cursor.is('{')) body = parseBlock(cursor)
  else if (isExtern) endDeclaration(cursor, 'after the declaration')
  else {
    cursor.unexpected("'{' to begin the function's body")
    cursor.accept(';')
  }
  cursor.popScope()
  const range = cursor.since(start)
  return {
    kind: 'Function',
    annotations,
    name,
    isAbstract,
    isExtern,
    returnType,
    typeParameters,
    parameters,
    body,
    range,
  }
}

function parseExtern(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const start = cursor.next().range
  const isObject = cursor.isName() && (cursor.is('{', 1) || (cursor.is('<', 1) && isGenericObject(cursor)))
  if (!isObject) {
    const returnType = parseType(cursor)
    const name = cursor.name('the name of an extern function')
    return parseFunctionRest(cursor, annotations, returnType, name, start, true, false)
  }
  const name = cursor.name('the name of an extern')
  cursor.declare(name.text, 'type')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  cursor.expect('{', 'to begin the extern')
  const constructors: ConstructorDeclaration[] = []
  const methods: FunctionDeclaration[] = []
  while (!cursor.is('}') && !cursor.isAtEnd) {
    const before = cursor.position
    const first = cursor.token.range
    const inner = parseAnnotations(cursor)
    const isAbstract = cursor.accept('abstract')
    if (cursor.is(name.text) && cursor.is('(', 1)) {
      cursor.next()
      cursor.pushScope()
      const parameters = parseParameters(cursor)
      cursor.popScope()
      endDeclaration(cursor, 'after the constructor')
      constructors.push({ kind: 'Constructor', annotations: inner, name, parameters, range: cursor.since(first) })
    } else {
      const returnType = parseType(cursor)
      const method = cursor.name('a method name')
      methods.push(parseFunctionRest(cursor, inner, returnType, method, first, true, isAbstract))
    }
    if (cursor.position === before) cursor.next()
  }
  cursor.popScope()
  cursor.expect('}', 'to close the extern')
  return { kind: 'Extern', annotations, name, typeParameters, constructors, methods, range: cursor.since(start) }
}

/** Tells `extern Name<T> {` from `extern Name<T> function(…)`. */
function isGenericObject(cursor: Cursor): boolean {
  let depth = 0
  for (let at = 1; ; at++) {
    if (cursor.peek(at).kind === 'end') return false
    if (cursor.is('<', at)) depth += 1
    else if (cursor.is('>', at)) {
      depth -= 1
      if (depth === 0) return cursor.is('{', at + 1)
    } else if (cursor.is(';', at) || cursor.is('{', at)) return false
  }
}

export function parseAction(cursor: Cursor, annotations: readonly Annotation[]): ActionDeclaration {
  const start = cursor.next().range
  const name = cursor.name('an action name')
  cursor.declare(name.text, 'value')
  cursor.pushScope()
  const parameters = parseParameters(cursor)
  const body = parseBlock(cursor)
  cursor.popScope()
  return { kind: 'Action', annotations, name, parameters, body, range: cursor.since(start) }
}

function parseStruct(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const start = cursor.token.range
  // because parseTopLevel dispatched on these three words
  const form = cursor.next().text as 'struct' | 'header' | 'header_union'
  const name = cursor.name(`a ${form} name`)
  cursor.declare(name.text, 'type')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  const fields: StructField[] = []
  if (cursor.expect('{', `to begin the ${form}`)) {
    while (!cursor.is('}') && !cursor.isAtEnd) {
      const before = cursor.position
      const first = cursor.token.range
      const inner = parseAnnotations(cursor)
      let type = parseType(cursor)
      const field = cursor.name('a field name')
      if (cursor.accept('[')) {
        const size = parseExpression(cursor)
        cursor.expect(']', 'after the size of the array')
        type = { kind: 'StackType', element: type, size, range: type.range }
      }
      endDeclaration(cursor, 'after the field')
      fields.push({ annotations: inner, type, name: field, range: cursor.since(first) })
      if (cursor.position === before) cursor.next()
    }
    cursor.expect('}', `to close the ${form}`)
  }
  cursor.popScope()
  return { kind: 'Struct', form, annotations, name, typeParameters, fields, range: cursor.since(start) }
}

function parseEnum(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const start = cursor.next().range
  const underlying = startsType(cursor) && !cursor.is('{', 1) ? parseType(cursor) : undefined
  const name = cursor.name('an enum name')
  cursor.declare(name.text, 'type')
  const members: { name: Name; value: ReturnType<typeof parseExpression> | undefined; annotations: Annotation[] }[] = []
  cursor.expect('{', 'to begin the enum')
  while (!cursor.is('}') && !cursor.isAtEnd) {
    const inner = parseAnnotations(cursor)
    const member = cursor.name('an enum member')
    const value = cursor.accept('=') ? parseExpression(cursor) : undefined
    members.push({ name: member, value, annotations: inner })
    if (!cursor.accept(',')) break
  }
  if (!cursor.expect('}', 'to close the enum')) cursor.skipStatement()
  return { kind: 'Enum', annotations, name, underlying, members, range: cursor.since(start) }
}

function parseTypedef(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const start = cursor.token.range
  const isNew = cursor.next().text === 'type'
  const inner = parseInnerType(cursor)
  const type: TypeNode =
    inner === undefined
      ? parseType(cursor)
      : { kind: 'NamedType', name: inner.name, isAbsolute: false, args: [], range: inner.name.range }
  const name = cursor.name('a type name')
  cursor.declare(name.text, 'type')
  endDeclaration(cursor, 'after the type')
  return { kind: 'Typedef', isNew, annotations, inner, type, name, range: cursor.since(start) }
}

/** `typedef struct S { … } T;` declares S too. */
function parseInnerType(cursor: Cursor): Declaration | undefined {
  if (cursor.is('struct') || cursor.is('header') || cursor.is('header_union')) return parseStruct(cursor, [])
  return cursor.is('enum') ? parseEnum(cursor, []) : undefined
}

function parsePackage(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const start = cursor.next().range
  const name = cursor.name('a package name')
  cursor.declare(name.text, 'type')
  cursor.pushScope()
  const typeParameters = parseTypeParameters(cursor)
  const parameters = parseParameters(cursor)
  cursor.popScope()
  endDeclaration(cursor, 'after the package')
  return { kind: 'Package', annotations, name, typeParameters, parameters, range: cursor.since(start) }
}

function parseMembers(cursor: Cursor, annotations: readonly Annotation[]): Declaration {
  const token = cursor.next()
  cursor.next()
  const members: Name[] = []
  while (!cursor.is('}') && !cursor.isAtEnd) {
    const member = cursor.name(`a member of ${token.text}`)
    if (member.text === '') break
    members.push(member)
    if (!cursor.accept(',')) break
  }
  if (!cursor.expect('}', `to close the ${token.text} declaration`)) cursor.skipStatement()
  const name = { text: token.text, range: token.range }
  const kind = token.text === 'error' ? 'Error' : 'MatchKind'
  return { kind, annotations, name, members, range: cursor.since(token.range) }
}
