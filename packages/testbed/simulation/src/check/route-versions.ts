/** A number for each node that is another one after every change of what it forwards by. */
import type { Emulation, RackNode } from '@lodestone/testbed'

/** More than the changes of one life of anything. */
const LIFE = 2 ** 32

export class RouteVersions {
  readonly #emulation: Emulation
  /** Of stacks and switch daemons, which come and go. */
  readonly #lives = new WeakMap<object, number>()
  #next = 0

  constructor(emulation: Emulation) {
    this.#emulation = emulation
  }

  /** @param index of the node in the topology. @returns undefined when the node is off, or chooses by something else than its routes. */
  of(index: number): number | undefined {
    const node = this.#emulation.nodes.get(this.#emulation.topology.nodes[index]?.name ?? '')
    if (node === undefined || (node.kind === 'sled' && node.underlay !== undefined)) return undefined
    const [owner, changes] = versionOf(node)
    let life = this.#lives.get(owner)
    if (life === undefined) this.#lives.set(owner, (life = this.#next++))
    return life * LIFE + changes
  }
}

function versionOf(node: RackNode): readonly [object, number] {
  if (node.kind !== 'switch') return [node.stack, node.stack.stack.routes.generation]
  const { record } = node.switchd.writer
  return [record, record.changes]
}
