/** Lints about what is declared for nothing: tables never applied, actions never run, variables never read or written. */
import type {
  Annotation,
  ControlDeclaration,
  Declaration,
  Expression,
  Statement,
  VariableDeclaration,
} from '../syntax/ast.ts'
import { forEachExpression, forEachExpressionIn } from '../syntax/walk.ts'
import type { Linter } from './linter.ts'

export function lintUnused(linter: Linter): void {
  const { checked } = linter
  const applied = new Set<unknown>()
  const run = new Set<unknown>()
  for (const call of checked.calls.values()) {
    if (call.kind === 'action') run.add(call.symbol.declaration)
    if (call.kind !== 'tableApply') continue
    const symbol = checked.references.get(call.table)
    if (symbol?.kind === 'table') applied.add(symbol.declaration)
  }
  for (const symbol of checked.references.values()) if (symbol.kind === 'action') run.add(symbol.declaration)
  const visit = (declaration: Declaration): void => {
    const { text, range } = declaration.name
    if (isQuiet(declaration.annotations)) return
    if (declaration.kind === 'Table' && !applied.has(declaration)) {
      linter.warn('P4C7004', range, `table '${text}' is never applied`)
    } else if (declaration.kind === 'Action' && !run.has(declaration) && text !== 'NoAction') {
      linter.warn('P4C7005', range, `action '${text}' is in no table and is never called`)
    }
  }
  for (const declaration of checked.tree.declarations) {
    if (declaration.kind === 'Action') visit(declaration)
    else if (declaration.kind === 'Control') for (const local of declaration.locals) visit(local)
  }
}

/** `@noWarn("unused")`, as in core.p4. */
function isQuiet(annotations: readonly Annotation[]): boolean {
  return annotations.some((annotation) => annotation.name.text === 'noWarn')
}

export function lintVariables(linter: Linter): void {
  for (const declaration of linter.checked.tree.declarations) {
    if (declaration.kind === 'Control' && declaration.apply !== undefined) lintControl(linter, declaration)
    else if (declaration.kind === 'Action' || declaration.kind === 'Function') {
      if (declaration.body !== undefined) lintBodies(linter, [], [declaration.body], [])
    } else if (declaration.kind === 'Parser') {
      const variables = declaration.locals.filter((local) => local.kind === 'Variable')
      const bodies = declaration.states.flatMap((state) => state.statements)
      const keys = declaration.states.flatMap((state) =>
        state.transition?.kind === 'Select' ? state.transition.keys : [],
      )
      const others = declaration.locals.flatMap((local) =>
        local.kind === 'Instantiation' ? local.args.map((arg) => arg.value) : [],
      )
      lintBodies(linter, variables, bodies, [...keys, ...others])
    }
  }
}

function lintControl(linter: Linter, control: ControlDeclaration): void {
  const bodies: Statement[] = control.apply === undefined ? [] : [control.apply]
  const expressions: Expression[] = []
  for (const local of control.locals) {
    if (local.kind === 'Action') bodies.push(local.body)
    else if (local.kind === 'Function' && local.body !== undefined) bodies.push(local.body)
    else if (local.kind === 'Instantiation') {
      expressions.push(...local.args.map((arg) => arg.value))
      if (local.body !== undefined) {
        for (const part of local.body.statements) {
          if (part.kind === 'DeclarationStatement' && part.declaration.kind === 'Function') {
            if (part.declaration.body !== undefined) bodies.push(part.declaration.body)
          }
        }
      }
    } else if (local.kind === 'Table') {
      for (const property of local.properties) {
        if (property.kind === 'KeyProperty') expressions.push(...property.elements.map((element) => element.expression))
        else if (property.kind === 'OtherProperty') expressions.push(property.value)
        else if (property.kind === 'ActionsProperty') {
          expressions.push(...property.actions.flatMap((action) => (action.args ?? []).map((arg) => arg.value)))
        }
      }
    }
  }
  const variables = control.locals.filter((local) => local.kind === 'Variable')
  lintBodies(linter, variables, bodies, expressions)
}

/** Uses of the variables that the bodies declare, and of `outer`, in all of the bodies and expressions. */
function lintBodies(
  linter: Linter,
  outer: readonly VariableDeclaration[],
  bodies: readonly Statement[],
  expressions: readonly Expression[],
): void {
  const variables = new Map<unknown, VariableDeclaration>()
  const note = (declaration: VariableDeclaration): void => {
    const symbol = linter.checked.symbols.get(declaration)
    if (symbol !== undefined && !isQuiet(declaration.annotations)) variables.set(symbol, declaration)
  }
  for (const variable of outer) note(variable)
  for (const body of bodies)
    forEachStatement(body, (part) => {
      if (part.kind === 'DeclarationStatement' && part.declaration.kind === 'Variable') note(part.declaration)
    })
  if (variables.size === 0) return
  const mentioned = new Set<unknown>()
  const written = new Set<unknown>()
  const mention = (expression: Expression): void => {
    const symbol = linter.checked.references.get(expression)
    if (symbol !== undefined) mentioned.add(symbol)
    const call = expression.kind === 'Call' ? linter.checked.calls.get(expression) : undefined
    if (call === undefined) return
    // Whatever is handed to a call may be written by it; methods of headers write their object.
    if (call.kind === 'builtin') written.add(rootOf(linter, call.object))
    else if ('args' in call) {
      for (const argument of call.args) {
        if (argument.value !== undefined && argument.parameter.direction !== 'in')
          written.add(rootOf(linter, argument.value))
      }
    }
  }
  for (const expression of expressions) forEachExpression(expression, mention)
  for (const body of bodies) {
    forEachExpressionIn(body, mention)
    forEachStatement(body, (part) => {
      if (part.kind === 'Assign') written.add(rootOf(linter, part.target))
      else if (part.kind === 'ForIn') {
        const symbol = linter.checked.symbols.get(part)
        if (symbol !== undefined) written.add(symbol)
      }
    })
  }
  for (const [symbol, declaration] of variables) {
    const { text, range } = declaration.name
    if (!mentioned.has(symbol) && !written.has(symbol)) {
      linter.warn('P4C7014', range, `variable '${text}' is never used`)
    } else if (declaration.initializer === undefined && !written.has(symbol) && mentioned.has(symbol)) {
      linter.warn('P4C7015', range, `variable '${text}' is read but never given a value`)
    }
  }
}

/** The symbol that an lvalue belongs to. */
function rootOf(linter: Linter, expression: Expression): unknown {
  if (expression.kind === 'Member' || expression.kind === 'Index' || expression.kind === 'Slice') {
    return rootOf(linter, expression.object)
  }
  return linter.checked.references.get(expression)
}

export function forEachStatement(statement: Statement, visit: (statement: Statement) => void): void {
  visit(statement)
  switch (statement.kind) {
    case 'Block':
      for (const part of statement.statements) forEachStatement(part, visit)
      return
    case 'If':
      forEachStatement(statement.then, visit)
      if (statement.else !== undefined) forEachStatement(statement.else, visit)
      return
    case 'Switch':
      for (const item of statement.cases) if (item.body !== undefined) forEachStatement(item.body, visit)
      return
    case 'For':
      for (const part of [...statement.init, ...statement.update, statement.body]) forEachStatement(part, visit)
      return
    case 'ForIn':
      forEachStatement(statement.body, visit)
      return
    default:
  }
}
