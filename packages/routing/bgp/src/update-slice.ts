/** The changes of one turn of an update group, sorted by who is told what, and sent. */
import type { ExportPlan } from './export-plan.ts'
import { RouteLists } from './route-lists.ts'
import { UpdateBuilder, type UpdateChunk } from './update-builder.ts'
import type { GroupMember } from './update-group.ts'

/** More than there are exports. */
const EXPORTS = 2 ** 32

/** Lists that no slice uses: they are empty, and have room. */
const spare: RouteLists[] = []

export class UpdateSlice {
  readonly #plan: ExportPlan
  readonly #members: ReadonlySet<GroupMember>
  #bySource: Map<number, GroupMember> | undefined
  /** What is announced, by number of the export. */
  readonly #announced: RouteLists = spare.pop() ?? new RouteLists()
  /** What is withdrawn from everybody but the source's member, by source × 2 plus family. */
  readonly #withdrawn: RouteLists = spare.pop() ?? new RouteLists()
  /** What is withdrawn only from the member that it comes from now, by source × 2 plus family. */
  readonly #takenBack: RouteLists = spare.pop() ?? new RouteLists()
  /** What is announced only to the member that it came from before, by source × 2³² plus number of the export. */
  readonly #givenBack: RouteLists = spare.pop() ?? new RouteLists()
  readonly #forgotten: number[] = []

  constructor(plan: ExportPlan, members: ReadonlySet<GroupMember>) {
    this.#plan = plan
    this.#members = members
  }

  #memberOf(source: number): GroupMember | undefined {
    if (this.#bySource === undefined) {
      this.#bySource = new Map()
      for (const member of this.#members) this.#bySource.set(member.adjacencyId, member)
    }
    return this.#bySource.get(source)
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
    if (from >= 0 && from !== source && this.#memberOf(source) !== undefined) {
      this.#takenBack.add(source * 2 + (ref & 1), ref, pathId)
    }
  }

  /** What is told stays the same, but it comes from another source: only the two sources' members learn of it. */
  move(ref: number, from: number, to: number): void {
    const { exports } = this.#plan
    const source = exports.sources[to]!
    if (this.#memberOf(source) !== undefined) this.#takenBack.add(source * 2 + (ref & 1), ref, 0)
    if (this.#memberOf(from) !== undefined && this.#givenBack.add(from * EXPORTS + to, ref, 0)) exports.retain(to)
  }

  /** The route need not be held any more once the slice has been sent. */
  forget(ref: number): void {
    this.#forgotten.push(ref)
  }

  /** Ends the slice. */
  send(): void {
    if (!this.#announced.isEmpty || !this.#withdrawn.isEmpty || !this.#takenBack.isEmpty || !this.#givenBack.isEmpty) {
      this.#sendAll()
    }
    for (const ref of this.#forgotten) this.#plan.rib.store.release(ref)
    for (const lists of [this.#announced, this.#withdrawn, this.#takenBack, this.#givenBack]) {
      lists.clear()
      spare.push(lists)
    }
  }

  #sendAll(): void {
    const { exports, rib, exporter } = this.#plan
    const { addPathSend } = exporter.context.session
    const common = new UpdateBuilder(rib.store, (chunk) => this.#write(chunk, undefined))
    const others = new Map<GroupMember, UpdateBuilder>()
    const builderFor = (source: number): UpdateBuilder => {
      const member = this.#memberOf(source)
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
    this.#sendGivenBack()
    this.#takenBack.forEach((key, head) => {
      const family = (key & 1) === 1 ? 6 : 4
      const member = this.#memberOf(key >>> 1)! // because `change` looked
      const builder = new UpdateBuilder(rib.store, (chunk) => member.write(chunk))
      builder.withdraw(family, this.#takenBack, head, addPathSend.includes(family))
      builder.flush()
    })
  }

  #sendGivenBack(): void {
    const { exports, rib } = this.#plan
    const builders = new Map<number, UpdateBuilder>()
    this.#givenBack.forEach((key, head) => {
      const source = Math.floor(key / EXPORTS)
      const id = key % EXPORTS
      let builder = builders.get(source)
      if (builder === undefined) {
        const member = this.#memberOf(source)! // because `move` looked
        builders.set(source, (builder = new UpdateBuilder(rib.store, (chunk) => member.write(chunk))))
      }
      builder.announce(exports, id, this.#givenBack, head, false)
      exports.release(id)
    })
    for (const builder of builders.values()) builder.flush()
  }

  #write(chunk: UpdateChunk, except: GroupMember | undefined): void {
    for (const member of this.#members) if (member !== except) member.write(chunk)
  }
}
