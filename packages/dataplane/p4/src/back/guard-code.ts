/**
 * Guards: programs set a flag, `dropped` say, and ask for it in front of everything that follows. In a run of statements
 *
 *     A; if (!f) B; if (!f && x) C;
 *
 * nothing more happens once `f` is set, so code that sets it as the last thing it does leaves the run at once, and on the way that
 * remains the flag is known to be clear: it is not asked for again, and what cold code did is not merged into what hot code goes on with.
 *
 * Invariant: `code.known` and `code.clear` say of flags what holds on every way to the code that is written next. Statements only take
 * from what held before their list; what they add is forgotten at its end.
 */
import type { Expression, SlotId, Statement } from '../ir/index.ts'
import type { Label } from '../wasm/index.ts'
import { pushFlags } from './condition-code.ts'
import type { ExpressionCode } from './expression-code.ts'

/** Nothing but the end of a run happens where one of the flags is set. */
export interface Guard {
  readonly out: Label
  readonly flags: ReadonlySet<SlotId>
  /** Flags of which something was known in front of the run, and is not on a way that left it. */
  readonly lost: Set<SlotId>
  isUsed: boolean
}

/** Guards that follow a statement at once, the innermost first. */
export type Tail = readonly Guard[]

/** What is known of flags. */
export interface Facts {
  readonly known: readonly SlotId[]
  readonly clear: readonly SlotId[]
}

export function factsOf({ known, clear }: ExpressionCode): Facts {
  return { known: [...known], clear: [...clear] }
}

/** Back to what was known. */
export function restoreFacts({ known, clear }: ExpressionCode, before: Facts): void {
  known.clear()
  clear.clear()
  for (const slot of before.known) known.add(slot)
  for (const slot of before.clear) clear.add(slot)
}

/** Forgets what was not known before. */
export function limitFacts(code: ExpressionCode, before: Facts): void {
  const { known, clear } = code
  restoreFacts(code, {
    known: before.known.filter((slot) => known.has(slot)),
    clear: before.clear.filter((slot) => clear.has(slot)),
  })
}

/** The run that begins with a statement: the flags, and the index behind its last statement. Undefined when there is none. */
export function runAt(
  code: ExpressionCode,
  body: readonly Statement[],
  from: number,
): { readonly flags: ReadonlySet<SlotId>; readonly end: number } | undefined {
  const { kind } = body[from]!
  if (kind !== 'if' && kind !== 'call' && kind !== 'apply' && kind !== 'switch') return undefined
  let flags: Set<SlotId> | undefined
  let end = from + 1
  for (; end < body.length; end++) {
    const own = guardsOf(code, body[end]!)
    const common = flags === undefined ? own : new Set([...own].filter((slot) => flags!.has(slot)))
    if (common.size === 0) break
    flags = common
  }
  return flags === undefined ? undefined : { flags, end }
}

/** The flags of which one is enough to keep a statement from doing anything. */
function guardsOf(code: ExpressionCode, statement: Statement): Set<SlotId> {
  const found = new Set<SlotId>()
  const collect = (e: Expression): void => {
    if (e.op === 'land') {
      collect(e.left)
      collect(e.right)
    } else if (e.op === 'lnot' && e.operand.op === 'load' && code.bits.has(e.operand.slot)) found.add(e.operand.slot)
  }
  if (statement.kind === 'if' && statement.else.length === 0) collect(statement.condition)
  return found
}

/** The guard that a list of statements leads to whatever happens: its last ones set one of the flags. */
export function guardBehind(
  code: ExpressionCode,
  body: readonly Statement[],
  tail: Tail | undefined,
): Guard | undefined {
  if (tail === undefined || tail.length === 0) return undefined
  const set = new Set<SlotId>()
  const other = new Set<SlotId>()
  for (let k = body.length - 1; k >= 0; k--) {
    const statement = body[k]!
    if (statement.kind === 'return' || statement.kind === 'count') continue
    if (statement.kind !== 'assign') break
    const { slot, value } = statement
    if (value.op === 'const' && value.value === 1n && code.bits.has(slot) && !other.has(slot)) set.add(slot)
    other.add(slot)
  }
  return tail.findLast(({ flags }) => [...set].some((slot) => flags.has(slot)))
}

/** Leaves for a guard; what the code so far made unknown is not known behind it. */
export function leaveFor(code: ExpressionCode, guard: Guard, before: Facts): void {
  guard.isUsed = true
  for (const slot of before.known) if (!code.known.has(slot)) guard.lost.add(slot)
  for (const slot of before.clear) if (!code.clear.has(slot)) guard.lost.add(slot)
  code.f.br(guard.out)
}

/** In front of a later statement of a run: leaves when one of its flags is set, unless all are known to be clear. */
export function leaveIfSet(code: ExpressionCode, flags: ReadonlySet<SlotId>, tail: Tail): void {
  const unknown = [...flags].filter((slot) => !code.clear.has(slot))
  if (unknown.length === 0) return
  const guard = tail.findLast((one) => unknown.every((slot) => one.flags.has(slot)))!
  guard.isUsed = true
  const masks = new Map<number, bigint>()
  for (const slot of unknown) {
    const { local, bit } = code.bits.get(slot)!
    masks.set(local, (masks.get(local) ?? 0n) | (1n << BigInt(bit)))
  }
  for (const [local, bits] of masks) {
    pushFlags(code, local, bits, 0n)
    code.f.op('i32.eqz')
    code.f.brIf(guard.out)
  }
  for (const slot of unknown) code.clear.add(slot)
}
