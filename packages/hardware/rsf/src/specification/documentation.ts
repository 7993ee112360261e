/** Documentation and attributes, from the tree to the model. */
import type { Attribute } from '../syntax/syntax-tree.ts'
import type { AttributeValue } from './model.ts'

/** Lines without the blank that follows the slashes. */
export function docOf(doc: readonly string[]): readonly string[] {
  return doc.map((line) => line.replace(/^ /, '').trimEnd())
}

export function attributesOf(attributes: readonly Attribute[]): readonly AttributeValue[] {
  return attributes.map(({ name, value }) => ({ name: name.name, value }))
}
