/** The model of what users were told: nothing acknowledged is lost, whatever failed meanwhile. */
import type { ApiOperation } from '../fault/sim-event.ts'
import { type Outcome, Register } from './register.ts'

export interface Observed {
  /** `project/name`, and whether it runs. */
  readonly instances: ReadonlyMap<string, 'running' | 'stopped'>
  /** `project/name`, and the instance it is attached to, or ``. */
  readonly floating: ReadonlyMap<string, string>
  /** Of each project: the name of the rule that the last `firewall-set` had, or ``. */
  readonly firewalls: ReadonlyMap<string, string>
}

const NONE = ''

export class Acknowledged {
  readonly #registers = new Map<string, Register>()
  #counts: Record<Outcome, number> = { acknowledged: 0, refused: 0, unknown: 0 }

  get counts(): Readonly<Record<Outcome, number>> {
    return this.#counts
  }

  record(operation: ApiOperation, startMs: number, endMs: number, outcome: Outcome): void {
    this.#counts[outcome]++
    const { project, name } = operation
    const write = (what: string, value: string, as = outcome): void =>
      this.#register(what).write(startMs, endMs, value, as)
    switch (operation.call) {
      case 'instance-create':
        write(`instance ${project}/${name}`, 'present')
        write(`run ${project}/${name}`, 'running')
        if (operation.floating !== undefined) write(`attached ${project}/${operation.floating}`, name)
        return
      case 'instance-start':
        return write(`run ${project}/${name}`, 'running')
      case 'instance-stop':
        return write(`run ${project}/${name}`, 'stopped')
      case 'instance-delete':
        write(`instance ${project}/${name}`, 'absent')
        // Its addresses are free again; which ones it had is not the model's business.
        if (outcome === 'refused') return
        for (const [what, register] of this.#registers) {
          if (what.startsWith(`attached ${project}/`)) register.write(startMs, endMs, NONE, 'unknown')
        }
        return
      case 'floating-create':
        return write(`floating ${project}/${name}`, 'present')
      case 'floating-delete':
        return write(`floating ${project}/${name}`, 'absent')
      case 'floating-attach':
        return write(`attached ${project}/${name}`, operation.instance)
      case 'floating-detach':
        return write(`attached ${project}/${name}`, NONE)
      case 'firewall-set':
        return write(`firewall ${project}`, name)
      default: {
        const unreachable: never = operation
        return unreachable
      }
    }
  }

  /** What contradicts the answers that were given, as sentences. */
  problems(observed: Observed): string[] {
    const problems: string[] = []
    const check = (what: string, actual: string): void => {
      const may = this.#register(what).candidates()
      if (!may.has(actual)) {
        problems.push(
          `${what} is ${actual || 'none'}, but by the answers it is ${[...may].map((each) => each || 'none').join(' or ')}`,
        )
      }
    }
    const keys = [...this.#registers.keys()]
    for (const what of keys) {
      const [kind, key] = what.split(' ') as [string, string] // because of how they are made above
      if (kind === 'instance') check(what, observed.instances.has(key) ? 'present' : 'absent')
      if (kind === 'floating') check(what, observed.floating.has(key) ? 'present' : 'absent')
      if (kind === 'run' && observed.instances.has(key)) check(what, observed.instances.get(key)!)
      if (kind === 'attached' && observed.floating.has(key)) check(what, observed.floating.get(key)!)
      if (kind === 'firewall') check(what, observed.firewalls.get(key) ?? NONE)
    }
    for (const key of observed.instances.keys()) {
      if (!this.#registers.has(`instance ${key}`)) problems.push(`instance ${key} exists, and nobody asked for it`)
    }
    return problems
  }

  #register(what: string): Register {
    const known = this.#registers.get(what)
    if (known !== undefined) return known
    const fresh = new Register(what.startsWith('instance ') || what.startsWith('floating ') ? 'absent' : NONE)
    this.#registers.set(what, fresh)
    return fresh
  }
}
