/** How STF files name tables, actions and keys: exactly, or by an unambiguous end. The rules are those of BMv2's runner. */
import type { TableDescription } from '@lodestone/npu'

/** What a name stands for, or a sentence that says why nothing. */
export type Found<Item> = { readonly ok: true; readonly item: Item } | { readonly ok: false; readonly message: string }

export function findNamed<Item extends { readonly name: string }>(
  what: string,
  items: readonly Item[],
  name: string,
): Found<Item> {
  const exact = items.find((item) => item.name === name)
  if (exact !== undefined) return { ok: true, item: exact }
  const candidates = items.filter((item) => item.name.endsWith(name))
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return { ok: true, item: only }
  const list = (candidates.length === 0 ? items : candidates).map((item) => item.name).join(', ')
  const problem = candidates.length === 0 ? `there is no ${what} '${name}'` : `'${name}' may mean several ${what}s`
  return { ok: false, message: `${problem}: ${list === '' ? 'none at all' : list}` }
}

/** Index of a table's key. `h$0.f` is another way to write `h[0].f`; validity may be written `h.valid`. */
export function findKey(table: TableDescription, written: string): Found<number> {
  const name = written.replace(/\$(\d+)/, '[$1]')
  const names = table.keys.map((key) => key.name.replace(/\.isValid\(\)$/, '.$valid$'))
  const candidates = [name, `${name}$`, `${name}.$valid$`, name.replace(/\.valid$/, '.$valid$')]
  for (const candidate of candidates) {
    const index = names.indexOf(candidate)
    if (index >= 0) return { ok: true, item: index }
  }
  let found: number | undefined
  for (const [index, key] of names.entries()) {
    const isEnd = candidates.some((candidate) => key.endsWith(`.${candidate}`))
    // `name` of `hdr.name.isValid()`-like keys whose validity is asked for by the header alone
    if (isEnd || (name === 'valid' && key.endsWith('$valid$'))) found = index
  }
  if (found !== undefined) return { ok: true, item: found }
  const list = table.keys.map((key) => key.name).join(', ')
  return { ok: false, message: `table ${table.name} has no key '${written}'; its keys are: ${list}` }
}
