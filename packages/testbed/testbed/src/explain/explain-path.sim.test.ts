/** An explanation is asked first; then the packet is really sent, and its story must end where and as the explanation said. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import type { Story } from '@lodestone/probe'
import { allowTcp, defaultRules, denyAllOut } from '../control-plane.fixture.ts'
import { failure, type LabGuest, RackLab } from '../rack-lab.fixture.ts'
import { fateOf, sentBy } from '../story-hops.fixture.ts'
import { describedPacket } from './described-packet.ts'
import type { ExplainedPath } from './path-walk.ts'
import { explainPath, type PathAnswer, type PathQuestion } from './explain-path.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const OTHER_VPC = { vni: 2000, subnet: '10.1.0.0/24' }
const WEB = '198.51.100.20'

let lab: RackLab
const guests = new Map<string, LabGuest>()

before(async () => {
  lab = await RackLab.start()
  guests.set('web', await lab.attach({ name: 'web', sled: 0, vpc: VPC, ip: '172.30.0.5', floating: [WEB] }))
  guests.set('db', await lab.attach({ name: 'db', sled: 1, vpc: VPC, ip: '172.30.0.6' }))
  guests.set('alien', await lab.attach({ name: 'alien', sled: 1, vpc: OTHER_VPC, ip: '10.1.0.5' }))
  for (const { stack } of guests.values())
    for (const port of [22, 80]) await stack.listenTcp({ port }, (socket) => socket.on('error', () => {}))
  // Everybody has talked once, so that neighbours are known.
  await lab.run(lab.client.stack.ping(WEB))
})
after(() => lab.close())

function ask(from: string, to: string, port: number, more: Partial<PathQuestion> = {}): PathAnswer {
  const result = explainPath(lab.emulation, { from, to, protocol: 'tcp', port, ...more })
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.answer
}

interface Sent {
  readonly syn: Story
  /** What the other side's stack sent back; nothing where the SYN did not arrive. */
  readonly reply: Story | undefined
}

/** The fate of the first SYN, and of the first answer to it. */
async function send(from: string, to: string, port: number): Promise<Sent> {
  const stack = guests.get(from)?.stack ?? lab.client.stack
  const { stories } = await lab.stories(() =>
    failure(
      lab.run(stack.connectTcp({ address: to, port, timeoutMs: 300 })).then((socket) => {
        socket.destroy()
        throw Object.assign(new Error('connected'), { code: 'connected' })
      }),
    ),
  )
  const [syn] = sentBy(stories, from, new RegExp(`> ${to.replaceAll('.', String.raw`\.`)}:${port} TCP SYN$`))
  assert.ok(syn, `${from} sent a SYN to ${to}:${port}`)
  const end = syn.events.at(-1)!
  if (end.step.kind !== 'delivered') return { syn, reply: undefined }
  const [reply] = sentBy(stories, end.node, new RegExp(String.raw`:${port} > \S+ TCP (SYN,ACK|RST,ACK)`))
  return { syn, reply }
}

const fatesOf = (paths: readonly ExplainedPath[]): Set<string> =>
  new Set(paths.map((path) => (path.verdict === 'dropped' ? `dropped ${path.reason?.code}` : path.verdict)))

test('from the internet to an instance: every equal path, each with all that happens on it', () => {
  const answer = ask('client', WEB, 22)
  assert.equal(answer.verdict, 'delivered')
  assert.ok(answer.paths.length >= 2, 'the client has two routers, each of them two switches')
  for (const { at, events } of answer.paths) {
    assert.equal(at, 'web')
    assert.ok(events.some(({ node, step }) => node.startsWith('switch') && step.kind === 'table' && step.hit))
    assert.ok(events.some(({ node, step }) => node === 'sled0' && step.kind === 'layer' && step.layer === 'firewall'))
  }
})

test('a refusal names the reason, the closest rule and what to do', () => {
  const answer = ask('client', WEB, 80)
  assert.equal(answer.verdict, 'dropped')
  for (const path of answer.paths) {
    assert.equal(path.at, 'sled0')
    assert.equal(path.reason?.code, 'FW_DEFAULT_DENY')
    assert.ok(path.reason?.hint)
    assert.equal(path.nearest?.[0]?.rule, 'allow-ssh')
  }
})

test('asking changes nothing: no counter, no connection, no drop', () => {
  const port = lab.emulation.sleds()[0]!.engine.port(guests.get('web')!.instance.nicId)!
  const state = (): string =>
    JSON.stringify([
      port.dump(),
      port.recentDrops().length,
      [...lab.emulation.switches()[0]!.pipeline.drops()],
      lab.framesInUse,
    ])
  const before = state()
  ask('client', WEB, 80)
  ask('web', '172.30.0.6', 22, { reply: true })
  ask('client', WEB, 22, { reply: true })
  assert.equal(state(), before)
})

test('explanations and real packets agree for every pair, port and set of rules', async () => {
  const random = new SeededRandom(7)
  const places = ['client', 'web', 'db', 'alien']
  const outside = [WEB, WEB, '172.30.0.5', '198.51.100.99']
  const inside = ['172.30.0.5', '172.30.0.6', '172.30.0.6', '10.1.0.5', '203.0.113.77', WEB]
  const seen = new Map<string, number>()
  for (let round = 0; round < 24; round++) {
    const open = random.u32() % 2 === 0
    const isQuiet = random.u32() % 3 === 0
    const rules = open ? [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)] : defaultRules(VPC.vni)
    await lab.run(lab.control.setRules(VPC.vni, isQuiet ? [...rules, denyAllOut(VPC.vni)] : rules))
    const from = places[random.u32() % places.length]!
    const addresses = from === 'client' ? outside : inside
    const to = addresses[random.u32() % addresses.length]!
    const port = random.u32() % 2 === 0 ? 80 : 22
    const answer = ask(from, to, port, { reply: true })
    const { syn, reply } = await send(from, to, port)
    const real = fateOf(syn)
    // A stack without a route refuses before there is a packet to tell of.
    const told = fatesOf(answer.paths)
    const what = `${from} to ${to}:${port}, ${open ? 'open' : 'closed'}`
    assert.ok(
      told.has(real) || (told.has('answered') && real !== 'delivered'),
      `${what}: said ${[...told].join(', ')}, was ${real} at ${syn.events.at(-1)!.node}`,
    )
    if (reply !== undefined) {
      const toldBack = fatesOf(answer.paths.flatMap((path) => path.reply?.paths ?? []))
      const back = fateOf(reply)
      assert.ok(toldBack.has(back), `answer to ${what}: said ${[...toldBack].join(', ')}, was ${back}`)
      seen.set(`answer ${back}`, (seen.get(`answer ${back}`) ?? 0) + 1)
    }
    seen.set(real, (seen.get(real) ?? 0) + 1)
  }
  assert.ok((seen.get('delivered') ?? 0) > 2 && seen.size > 3, JSON.stringify([...seen]))
  assert.ok((seen.get('answer delivered') ?? 0) > 2, JSON.stringify([...seen]))
})

test('a link that is down ends the paths over it, and only those', async () => {
  lab.link('isp0-client').setUp(false)
  const answer = ask('client', WEB, 22)
  lab.link('isp0-client').setUp(true)
  assert.ok(
    answer.verdict === 'mixed' ||
      answer.paths.every((path) => path.reason?.code === 'LINK_DOWN' || path.verdict === 'delivered'),
  )
  await lab.untilReady(10_000)
})

test('what nobody knows is said, with what there is', () => {
  const result = explainPath(lab.emulation, { from: 'nobody', to: WEB, protocol: 'icmp' })
  assert.ok(!result.ok)
  assert.match(result.message, /"nobody" is no address, and nothing here is called so; there are .*client.*web/)
})

test('a captured packet goes to its own destination, and one that is no packet is refused', () => {
  const made = ask('client', WEB, 80)
  const source = Ip.parse(made.source)!
  const ends = { source, destination: Ip.parse(WEB)!, sourcePort: 49_152, destinationPort: 80 }
  const packet = describedPacket({ ...ends, protocol: 'tcp', bytes: 60 })
  const question = { from: 'client', to: WEB, protocol: 'tcp', port: 80, packet } as const
  const result = explainPath(lab.emulation, question)
  assert.ok(result.ok)
  assert.deepEqual([result.answer.source, result.answer.destination], [made.source, made.destination])
  assert.deepEqual(result.answer.paths, made.paths)
  const cut = explainPath(lab.emulation, { ...question, packet: packet.subarray(0, 30) })
  assert.equal(cut.ok ? '' : cut.message, 'the captured packet is no whole IPv4 or IPv6 packet')
})
