/** Packets of instances and of the client outside, sent and forgotten: what is checked of them is seen on the wires. */
import { type Emulation, rackPlan } from '@lodestone/testbed'
import type { Traffic } from '../fault/sim-event.ts'

const STRAY_GAP_MS = 1

export function sendTraffic(emulation: Emulation, traffic: Traffic): void {
  if (traffic.kind === 'stray') return strays(emulation, traffic)
  const hostname = `${traffic.project}-${traffic.instance}`
  for (const { agent } of emulation.sleds()) {
    for (const { desired, guest } of agent.instances.values()) {
      if (desired.hostname !== hostname || guest?.exec === undefined) continue
      void guest.exec(`ping -c ${traffic.count} ${rackPlan.CLIENT_ADDRESS}`).catch(ignored)
      return
    }
  }
}

function strays(emulation: Emulation, { ttl, count }: Extract<Traffic, { kind: 'stray' }>): void {
  const source = rackPlan.CLIENT_ADDRESS
  const client = emulation.hosts().find((node) => node.spec.loopbacks.some((ip) => ip.equals(source)))
  const target = rackPlan.DEFAULT_POOL.first.toString()
  void client?.stack.ping(target, { count, ttl, source, intervalMs: STRAY_GAP_MS }).catch(ignored)
}

/** There is no way there at the moment, or the machine is going. */
function ignored(): void {}
