/**
 * Packets a second through the whole rack in one process: the client's stack, a router, a switch (its P4 program), a sled's stack,
 * the packet engine, an instance's stack, and all the way back: `node packages/testbed/testbed/bench/request-path.ts`.
 * Datagrams of 64 bytes, as many under way at once as a window allows, echoed by the instance; a packet counts when it has
 * arrived at the other end. The rack runs on the real clock; what counts is the thread's processor time, with timers,
 * garbage collection and the rack's own chatter in it.
 *
 * `--profile` prints where the time went, by package and by function; `--window=500` has fewer under way.
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
const WINDOW = Number(process.argv.find((each) => each.startsWith('--window='))?.slice(9) ?? 3000)
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

/** The client's view of the window. Packets carry their number, and the path keeps their order, so a gap is a loss. */
let atInstance = 0
let atClient = 0
let sent = 0
let answered = 0
let lost = 0
let window = 1
const payload = new Uint8Array(64)

const echo = await stack.bindUdp({ port: PORT }, (request) => {
  atInstance++
  echo.send(request.payload, request.remoteAddress, request.remotePort)
})
const client = await emulation
  .hosts()
  .find((node) => node.name === CLIENT_NAME)!
  .stack.bindUdp({ port: 0 }, (answer) => {
    const at = numberIn(answer.payload)
    if (at < answered) return
    atClient++
    lost += at - answered
    answered = at + 1
    // One more for each answer: a burst of a whole window would overrun the queue of whoever asks for a neighbour's address.
    if (window < WINDOW) window++
    fill()
  })

function numberIn(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0
}

function fill(): void {
  for (; sent - answered < window; sent++) {
    for (let i = 0; i < 4; i++) payload[i] = sent >>> (24 - 8 * i)
    client.send(payload, FLOATING, PORT)
  }
}

/** Keeps the window full; begins anew with one packet when all of it got lost. */
async function run(durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    const before = answered
    fill()
    await sleep(LOST_MS)
    if (answered !== before) continue
    lost += sent - answered
    answered = sent
    window = 1
  }
}

await run(WARM_UP_MS)
const session = process.argv.includes('--profile') ? new Session() : undefined
session?.connect()
await session?.post('Profiler.enable')
await session?.post('Profiler.start')
const [instanceBefore, clientBefore, lostBefore] = [atInstance, atClient, lost]
const startMs = performance.now()
const before = process.threadCpuUsage()
await run(MEASURE_MS)
const { user, system } = process.threadCpuUsage(before)
const wallMs = performance.now() - startMs
const packets = atInstance - instanceBefore + atClient - clientBefore
const perSecond = packets / ((user + system) / 1e6)
const hops = `${((user + system) / packets).toFixed(2)} µs each; ${Math.round(packets / (wallMs / 1000))} a second by the wall clock; ${lost - lostBefore} lost`
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
