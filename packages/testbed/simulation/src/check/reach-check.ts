/**
 * Reachability is policy: every instance reaches those of its VPC and the internet, none of another VPC; the client outside reaches
 * floating addresses by ping, and by TCP exactly on ports that the firewall lets in. Tried with real packets.
 */
import { type Clock, sleep } from '@lodestone/host'
import { type Emulation, rackPlan } from '@lodestone/testbed'
import type { Intent, IntendedInstance } from './intent.ts'

const CONNECT_MS = 1500

export async function reachProblems(emulation: Emulation, intent: Intent, clock: Clock): Promise<string[]> {
  const running = intent.instances.filter((each) => each.runState === 'running')
  const client = emulation.hosts().find((node) => node.spec.loopbacks.some((ip) => ip.equals(rackPlan.CLIENT_ADDRESS)))
  const outside = rackPlan.CLIENT_ADDRESS.toString()
  const claims: Promise<string | undefined>[] = []
  for (const from of running) {
    const own = running.filter((each) => each.project === from.project)
    for (const to of own) {
      if (to !== from) claims.push(claim(`${nameOf(from)} pings ${nameOf(to)}`, true, ping(emulation, from, to.ip)))
    }
    for (const to of running) {
      if (to.project === from.project || own.some((each) => each.ip === to.ip)) continue
      claims.push(claim(`${nameOf(from)} pings ${to.ip} of ${nameOf(to)}`, false, ping(emulation, from, to.ip)))
    }
    if (client === undefined) continue
    claims.push(claim(`${nameOf(from)} pings the client outside`, true, ping(emulation, from, outside)))
    for (const address of from.floating) {
      const pong = client.stack.ping(address, { count: 1, timeoutMs: CONNECT_MS })
      const answered = pong.then(
        (results) => results.some((each) => each.outcome === 'reply'),
        () => false,
      )
      claims.push(claim(`the client pings ${nameOf(from)} at ${address}`, true, answered))
      const isOpen = (intent.ports.get(from.project) ?? []).includes(80)
      const opened = client.stack.connectTcp({ address, port: 80, localAddress: outside, timeoutMs: CONNECT_MS }).then(
        (socket) => {
          socket.destroy()
          return true
        },
        () => false,
      )
      claims.push(claim(`the client opens TCP port 80 of ${nameOf(from)} at ${address}`, isOpen, opened))
    }
  }
  const results = await Promise.all(claims)
  // What was begun has to come to its end before somebody counts.
  await sleep(clock, 10)
  return results.filter((each) => each !== undefined)
}

async function claim(what: string, expected: boolean, actual: Promise<boolean>): Promise<string | undefined> {
  if ((await actual) === expected) return undefined
  return `${what}: that ${expected ? 'fails' : 'works'}, and by policy it ${expected ? 'works' : 'must not'}`
}

async function ping(emulation: Emulation, from: IntendedInstance, address: string): Promise<boolean> {
  for (const sled of emulation.sleds()) {
    const guest = sled.agent.instances.get(from.id)?.guest
    if (guest?.exec === undefined) continue
    const { output } = await guest.exec(`ping -c 1 ${address}`)
    return /^1 of 1 answered/m.test(output)
  }
  return false
}

function nameOf({ project, name }: IntendedInstance): string {
  return `${project}/${name}`
}
