/** The changes of one turn of an update group, sorted by who is told what, and sent. */
import type { ExportPlan } from './export-plan.ts'
import { RouteLists } from './route-lists.ts'
import { UpdateBuilder, type UpdateChunk } from './update-builder.ts'
import type { GroupMember } from './update-group.ts'

export class UpdateSlice {
  readonly #plan: ExportPlan
  readonly #members: ReadonlySet<GroupMember>
  readonly #bySource = new Map<number, GroupMember>()
  /** What is announced, by number of the export. */
  readonly #announced: RouteLists
  /** What is withdrawn from everybody but the source's member, by source × 2 plus family. */
  readonly #withdrawn: RouteLists
  /** What is withdrawn only from the member that it comes from now, by source × 2 plus family. */
  readonly #takenBack = new RouteLists()
  readonly #forgotten: number[] = []

  /** @param expected changes, about. */
  constructor(plan: ExportPlan, members: ReadonlySet<GroupMember>, expected: number) {
    this.#plan = plan
    this.#announced = new RouteLists(expected)
    this.#withdrawn = new RouteLists(expected)
    this.#members = members
    for (const member of members) this.#bySource.set(member.adjacencyId, member)
  }

  /** @param from source of what was sent before, -1 for nothing. @param to what is sent now, 0 for nothing. */
  change(ref: number, pathId: number, from: number, to: number): void {
    if (to === 0) {
      if (from >= 0) this.#withdrawn.add(from * 2 + (ref & 1), ref, pathId)
      return
    }
    const { exports } = this.#plan
    // Held until it is sent: a later change in this slice may be the last to use it.
    if (this.#announced.add(to, ref, pathId)) exports.retain(to)
    const source = exports.sources[to]!
    // The member that it comes from now is told nothing, and loses what it was told before.
    if (from >= 0 && from !== source && this.#bySource.has(source)) {
      this.#takenBack.add(source * 2 + (ref & 1), ref, pathId)
    }
  }

  /** The route need not be held any more once the slice has been sent. */
  forget(ref: number): void {
    this.#forgotten.push(ref)
  }

  send(): void {
    const { exports, rib, exporter } = this.#plan
    const { addPathSend } = exporter.context.session
    const common = new UpdateBuilder(rib.store, (chunk) => this.#write(chunk, undefined))
    const others = new Map<GroupMember, UpdateBuilder>()
    const builderFor = (source: number): UpdateBuilder => {
      const member = this.#bySource.get(source)
      if (member === undefined) return common
      let builder = others.get(member)
      if (builder === undefined) {
        builder = new UpdateBuilder(rib.store, (chunk) => this.#write(chunk, member))
        others.set(member, builder)
      }
      return builder
    }
    this.#withdrawn.forEach((key, head) => {
      const family = (key & 1) === 1 ? 6 : 4
      builderFor(key >>> 1).withdraw(family, this.#withdrawn, head, addPathSend.includes(family))
    })
    this.#announced.forEach((id, head) => {
      const hasIds = addPathSend.includes(exports.family(id))
      builderFor(exports.sources[id]!).announce(exports, id, this.#announced, head, hasIds)
      exports.release(id)
    })
    common.flush()
    for (const builder of others.values()) builder.flush()
    this.#takenBack.forEach((key, head) => {
      const family = (key & 1) === 1 ? 6 : 4
      const member = this.#bySource.get(key >>> 1)! // because `change` looked
      const builder = new UpdateBuilder(rib.store, (chunk) => member.write(chunk))
      builder.withdraw(family, this.#takenBack, head, addPathSend.includes(family))
      builder.flush()
    })
    for (const ref of this.#forgotten) rib.store.release(ref)
  }

  #write(chunk: UpdateChunk, except: GroupMember | undefined): void {
    for (const member of this.#members) if (member !== except) member.write(chunk)
  }
}
