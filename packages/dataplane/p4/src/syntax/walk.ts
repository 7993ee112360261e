/** Visits every expression below a statement or expression, outermost first. */
import type { Argument, Declaration, Expression, Statement } from './ast.ts'

export function forEachExpression(node: Expression, visit: (expression: Expression) => void): void {
  visit(node)
  const inner = (expression: Expression): void => forEachExpression(expression, visit)
  const args = (list: readonly Argument[]): void => {
    for (const arg of list) inner(arg.value)
  }
  switch (node.kind) {
    case 'Member':
      inner(node.object)
      return
    case 'Index':
      inner(node.object)
      inner(node.index)
      return
    case 'Slice':
      inner(node.object)
      inner(node.high)
      inner(node.low)
      return
    case 'Unary':
    case 'Cast':
      inner(node.operand)
      return
    case 'Binary':
      inner(node.left)
      inner(node.right)
      return
    case 'Conditional':
      inner(node.condition)
      inner(node.whenTrue)
      inner(node.whenFalse)
      return
    case 'Call':
      inner(node.callee)
      args(node.args)
      return
    case 'List':
      for (const element of node.elements) inner(element)
      return
    case 'Struct':
      for (const field of node.fields) inner(field.value)
      return
    default:
  }
}

export function forEachExpressionIn(statement: Statement, visit: (expression: Expression) => void): void {
  const inner = (part: Statement): void => forEachExpressionIn(part, visit)
  const value = (expression: Expression): void => forEachExpression(expression, visit)
  switch (statement.kind) {
    case 'Block':
      for (const part of statement.statements) inner(part)
      return
    case 'If':
      value(statement.condition)
      inner(statement.then)
      if (statement.else !== undefined) inner(statement.else)
      return
    case 'Assign':
      value(statement.target)
      value(statement.value)
      return
    case 'CallStatement':
      value(statement.call)
      return
    case 'Switch':
      value(statement.selector)
      for (const item of statement.cases) if (item.body !== undefined) inner(item.body)
      return
    case 'Return':
      if (statement.value !== undefined) value(statement.value)
      return
    case 'For':
      for (const part of statement.init) inner(part)
      value(statement.condition)
      for (const part of statement.update) inner(part)
      inner(statement.body)
      return
    case 'ForIn':
      value(statement.collection)
      inner(statement.body)
      return
    case 'DeclarationStatement':
      forEachExpressionInDeclaration(statement.declaration, visit)
      return
    default:
  }
}

function forEachExpressionInDeclaration(declaration: Declaration, visit: (expression: Expression) => void): void {
  if (declaration.kind === 'Const') forEachExpression(declaration.initializer, visit)
  if (declaration.kind === 'Variable' && declaration.initializer !== undefined) {
    forEachExpression(declaration.initializer, visit)
  }
}
