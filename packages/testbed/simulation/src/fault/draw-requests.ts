/** What users ask for during the first phase: mostly what makes sense after what they asked before, whether it was done or not. */
import type { Random } from '@lodestone/host'
import type { ApiOperation, SimEvent } from './sim-event.ts'

interface Wish {
  readonly project: string
  readonly instances: string[]
  readonly stopped: string[]
  readonly floating: string[]
}

const PORTS = [80, 8080, 443]
const MAX_INSTANCES = 5

export function drawRequests(random: Random, projects: readonly string[], durationMs: number): SimEvent[] {
  const wishes = projects.map((project): Wish => ({ project, instances: ['web'], stopped: [], floating: ['fip'] }))
  const events: SimEvent[] = []
  const meanMs = 1000 + random.float() * 5000
  let number = 0
  for (let atMs = 0; ;) {
    atMs += -meanMs * Math.log(1 - random.float() * 0.999)
    if (atMs >= durationMs) return events
    const operation = drawOperation(random, wishes[random.below(wishes.length)]!, number++)
    events.push({ atMs, forMs: 0, action: { kind: 'api', operation } })
  }
}

function drawOperation(random: Random, wish: Wish, number: number): ApiOperation {
  const { project, instances, stopped, floating } = wish
  const any = (from: readonly string[]): string => from[random.below(from.length)] ?? 'web'
  switch (random.below(9)) {
    case 0:
    case 1: {
      if (instances.length >= MAX_INSTANCES) break
      const name = `vm${number}`
      instances.push(name)
      return { call: 'instance-create', project, name }
    }
    case 2: {
      const name = any(instances)
      if (!stopped.includes(name)) stopped.push(name)
      return { call: 'instance-stop', project, name }
    }
    case 3:
    case 4: {
      const name = any(stopped)
      remove(stopped, name)
      if (random.below(2) === 0) return { call: 'instance-start', project, name }
      remove(instances, name)
      return { call: 'instance-delete', project, name }
    }
    case 5: {
      const name = `fip${number}`
      floating.push(name)
      return { call: 'floating-create', project, name }
    }
    case 6:
      return { call: 'floating-attach', project, name: any(floating), instance: any(instances) }
    case 7: {
      const name = any(floating)
      if (random.below(3) > 0) return { call: 'floating-detach', project, name }
      remove(floating, name)
      return { call: 'floating-delete', project, name }
    }
    default:
  }
  return { call: 'firewall-set', project, name: `rule${number}`, port: PORTS[random.below(PORTS.length)]! }
}

function remove(list: string[], name: string): void {
  const at = list.indexOf(name)
  if (at >= 0) list.splice(at, 1)
}
