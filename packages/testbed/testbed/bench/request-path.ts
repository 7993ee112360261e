/**
 * Packets a second through the whole rack in one process: the client's stack, a router, a switch (its P4 program), a sled's stack,
 * the packet engine, an instance's stack, and all the way back: `node packages/testbed/testbed/bench/request-path.ts`.
 * Datagrams of 64 bytes, as many under way at once as a window allows, echoed by the instance; a packet counts when it has
 * arrived at the other end. The rack runs on the real clock; what counts is the thread's processor time, with timers,
 * garbage collection and the rack's own chatter in it.
 *
 * `--profile` prints where the time went, by package and by function.
 */
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { RealClock, SeededRandom } from '@lodestone/host'
import { Mac } from '@lodestone/net'
import { DhcpClient, Netstack } from '@lodestone/netstack'
import { ControlPlaneFixture, defaultRules } from '../src/control-plane.fixture.ts'
import { Emulation } from '../src/emulation.ts'
import { compileSwitchProgram } from '../src/os-switch-program.ts'
import { CLIENT_NAME, rackTopology } from '../src/rack-topology.ts'
import { rackChecks } from '../src/readiness.ts'
import { World } from '../src/world.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'
const PORT = 7
/** Requests without an answer yet: enough that the rack is never idle, and frames travel in batches. */
const WINDOW = 3000
const WARM_UP_MS = 3000
const MEASURE_MS = 6000
const LOST_MS = 200
const GOAL_PER_S = 200_000

const world = new World({ clock: new RealClock(), random: new SeededRandom(1) })
const emulation = new Emulation({
  world,
  topology: rackTopology({ sleds: 1 }),
  program: compileSwitchProgram(),
})
await emulation.start()
for (let waited = 0; !rackChecks(emulation).every((check) => check.ready); waited += 100) {
  if (waited > 30_000) throw new Error('the rack did not become ready')
  await sleep(100)
}
const control = new ControlPlaneFixture(emulation)
const instance = await control.createInstance({
  name: 'web',
  sled: 0,
  vpc: VPC,
  ip: '172.30.0.5',
  floating: [FLOATING],
})
const stack = new Netstack({ ...world, name: 'web' })
stack.addInterface({
  name: 'eth0',
  port: emulation.links().get('web-nic0')!.a,
  mac: Mac.of(instance.mac),
})
await new Promise<void>((resolve) => {
  const dhcp = new DhcpClient({ network: stack, interface: 'eth0', onLease: () => resolve() })
  process.once('exit', () => dhcp.close())
})
await control.setRules(VPC.vni, [
  ...defaultRules(VPC.vni),
  {
    id: '44444444-4444-4444-8444-444444444444',
    name: 'echo',
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 1,
    protocols: [{ type: 'udp' }],
  },
])

let atInstance = 0
let atClient = 0
let sent = 0
const echo = await stack.bindUdp({ port: PORT }, ({ payload, remoteAddress, remotePort }) => {
  atInstance++
  echo.send(payload, remoteAddress, remotePort)
})
const client = await emulation
  .hosts()
  .find((node) => node.name === CLIENT_NAME)!
  .stack.bindUdp({ port: 0 }, () => {
    atClient++
    sent++
    client.send(payload, FLOATING, PORT)
  })
const payload = new Uint8Array(64)

/** Keeps the window full; what got lost is replaced. */
async function run(durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs
  let seen = -1
  while (performance.now() < endMs) {
    for (; seen === atClient || sent - atClient < WINDOW; sent++) {
      if (seen === atClient) sent = atClient
      seen = -1
      client.send(payload, FLOATING, PORT)
    }
    seen = atClient
    await sleep(LOST_MS)
  }
}

await run(WARM_UP_MS)
const session = process.argv.includes('--profile') ? new Session() : undefined
session?.connect()
await session?.post('Profiler.enable')
await session?.post('Profiler.start')
const [instanceBefore, clientBefore] = [atInstance, atClient]
const startMs = performance.now()
const before = process.threadCpuUsage()
await run(MEASURE_MS)
const { user, system } = process.threadCpuUsage(before)
const wallMs = performance.now() - startMs
const packets = atInstance - instanceBefore + atClient - clientBefore
const perSecond = packets / ((user + system) / 1e6)
const hops = `${((user + system) / packets).toFixed(2)} µs each; ${Math.round(packets / (wallMs / 1000))} a second by the wall clock`
console.log(
  `${perSecond >= GOAL_PER_S ? 'reached' : 'MISSED '}  request path through the whole rack, client to instance and back`,
)
console.log(`         must: ${GOAL_PER_S} packets/s\n         is:   ${Math.round(perSecond)} packets/s (${hops})`)

if (session !== undefined) {
  const { profile } = await session.post('Profiler.stop')
  const self = new Map<string, number>()
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  profile.samples?.forEach((id, i) => {
    const { functionName, url } = nodes.get(id)!.callFrame
    const place = /packages\/[^/]+\/([^/]+)\/src\/(.*)$/.exec(url)
    const key = `${place?.[1] ?? (url === '' ? 'V8' : url.slice(0, 24))} ${functionName} ${place?.[2] ?? ''}`
    self.set(key, (self.get(key) ?? 0) + (profile.timeDeltas?.[i] ?? 0))
  })
  const all = [...self.values()].reduce((sum, us) => sum + us, 0)
  const byPackage = new Map<string, number>()
  for (const [key, us] of self) byPackage.set(key.split(' ')[0]!, (byPackage.get(key.split(' ')[0]!) ?? 0) + us)
  const show = (entries: Map<string, number>, count: number): void => {
    for (const [key, us] of [...entries].sort((a, b) => b[1] - a[1]).slice(0, count)) {
      console.log(`${((us / all) * 100).toFixed(1).padStart(5)} %  ${key}`)
    }
  }
  show(byPackage, 12)
  show(self, 30)
}
emulation.close()
process.exit(0)
