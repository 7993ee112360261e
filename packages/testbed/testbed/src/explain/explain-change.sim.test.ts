/**
 * Questions under circumstances that are not those of now, on a rack with its control plane: with rules that are only proposed, which are then
 * really made by the API; and with everything as it was configured before, which was asked then.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { VpcFirewallRuleUpdate } from '@lodestone/contract-nexus'
import type { PathAnswer } from '@lodestone/contract-testbed'
import { SeededRandom } from '@lodestone/host'
import type { Story } from '@lodestone/probe'
import { CloudLab } from '../cloud-lab.fixture.ts'
import { fateOf, sentBy, storiesDuring } from '../story-hops.fixture.ts'
import { answerQuestion } from './explain-api.ts'
import { parseProposedChange } from './proposed-change.ts'

const project = 'shop'
const query = { project }
const inVpc = { project, vpc: 'default' }
const description = ''

type Question = Parameters<typeof answerQuestion>[2]

let lab: CloudLab
let address: string

before(async () => {
  lab = await CloudLab.start()
  const { api } = lab
  await lab.done(api.project_create({ body: { name: project, description } }))
  address = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description } }))).ip
  const instance = { description, ncpus: 1, memory: 2 ** 30 }
  const floating = [{ type: 'floating', floating_ip: 'web-ip' }] as const
  await lab.done(
    api.instance_create({ query, body: { ...instance, name: 'web', hostname: 'web', external_ips: [...floating] } }),
  )
  await lab.done(api.instance_create({ query, body: { ...instance, name: 'near', hostname: 'near' } }))
  await settled()
})
after(() => lab.close())

async function settled(): Promise<void> {
  await lab.settle()
  await lab.clock.advance(500) // a guest that is new asks for its address
}

function ask(from: string, to: string, port: number, more: Partial<Question> = {}): Promise<PathAnswer> {
  return lab.clock.run(
    answerQuestion(lab.emulation, lab.nexus, { from, to, protocol: 'tcp', port, reply: true, ...more }),
  )
}

/** The fates of the first SYN, and of what came back for it. */
async function send(from: string, to: string, port: number): Promise<readonly Story[]> {
  const place = to === 'web' && from !== 'client' ? await inside('web') : to === 'near' ? await inside('near') : address
  const url = `http://${place}:${port}/`
  const { stories } = await storiesDuring(lab.world.tracer, async () => {
    if (from === 'client')
      await lab.clock.run(
        lab.client.stack.connectTcp({ address: place, port, timeoutMs: 400 }).then(
          (s) => s.destroy(),
          () => undefined,
        ),
      )
    else await lab.clock.run(shell(from, `curl ${url}`), 120_000)
  })
  const [syn] = sentBy(stories, from, new RegExp(`> ${place.replaceAll('.', String.raw`\.`)}:${port} TCP SYN$`))
  assert.ok(syn, `${from} sent a SYN to ${place}:${port}`)
  const end = syn.events.at(-1)!
  const [back] =
    arrivalOf(syn) === 'delivered'
      ? sentBy(stories, end.node, new RegExp(String.raw`:${port} > \S+ TCP (SYN,ACK|RST,ACK)`))
      : []
  return back === undefined ? [syn] : [syn, back]
}

async function shell(name: string, command: string): Promise<void> {
  const instance = lab.emulation
    .sleds()
    .flatMap(({ agent }) => [...agent.instances.values()])
    .find(({ desired }) => desired.hostname === name)
  await instance!.guest!.exec!(command)
}

async function inside(name: string): Promise<string> {
  const { items } = await lab.done(lab.api.instance_network_interface_list({ query: { ...query, instance: name } }))
  const stack = items[0]!.ip_stack
  assert.ok(stack.type === 'dual_stack')
  return stack.value.v4.ip
}

const fatesOf = (paths: readonly { verdict: string; reason?: { code: string } | undefined }[]): Set<string> =>
  new Set(paths.map(({ verdict, reason }) => (verdict === 'dropped' ? `dropped ${reason?.code}` : verdict)))

/** Whether a program listens is not what is asked: a refusal has arrived. */
const arrivalOf = (story: Story): string => fateOf(story).replace('dropped NS_TCP_NO_CONNECTION', 'delivered')

const rules = async () => (await lab.done(lab.api.vpc_firewall_rules_view({ query: inVpc }))).rules
type Rules = Awaited<ReturnType<typeof rules>>

async function setRules(wanted: VpcFirewallRuleUpdate[]): Promise<void> {
  await lab.done(lab.api.vpc_firewall_rules_update({ query: inVpc, body: { rules: wanted } }))
  await lab.settle()
}

/** All that the rack and its control plane would show to be different. */
const stateOf = async (all: Rules): Promise<string> =>
  JSON.stringify([
    all,
    lab.emulation.sleds().map(({ engine }) => engine.ports().map((port) => [port.dump(), port.config.generation])),
    lab.world.arena.freeSlots,
  ])

test('what is said of a proposed rule is so once the rule is made, for random rules and packets, and asking makes nothing', async () => {
  const random = new SeededRandom(11)
  const pick = <T>(all: readonly T[]): T => all[random.u32() % all.length]!
  const original = await rules()
  const seen = new Map<string, number>()
  for (let round = 0; round < 14; round++) {
    const direction = pick(['inbound', 'inbound', 'outbound'])
    const text = [
      'fw rule',
      pick(['allow', 'allow', 'deny']),
      direction,
      pick(['tcp/80', 'tcp/80,443', 'tcp', 'icmp', '']),
      pick([
        '',
        `${direction === 'inbound' ? 'from' : 'to'} ${pick(['203.0.113.0/24', 'vpc:default', 'instance:near', 'subnet:default', '192.0.2.1'])}`,
      ]),
      pick(['', 'priority 10']),
      pick(['', `target ${pick(['instance:web', 'instance:near', 'subnet:default', 'vpc:default'])}`]),
    ]
      .filter((word) => word !== '')
      .join(' ')
    const [from, to] = pick([
      ['client', 'web'],
      ['client', 'web'],
      ['near', 'web'],
      ['web', 'near'],
    ])
    const port = pick([80, 22])
    const before = await stateOf(await rules())
    const answer = await ask(from!, to!, port, { with: [text] })
    assert.equal(await stateOf(await rules()), before, text)
    assert.equal(answer.proposed_for, 'default')
    const parsed = parseProposedChange(text)
    assert.ok(parsed.ok && parsed.change.kind === 'put-rule')
    await setRules([...original, parsed.change.rule])
    const [syn, back] = await send(from!, to!, port)
    const what = `${from} to ${to}:${port} with ${text}`
    const said = fatesOf(answer.paths)
    assert.ok(said.has(arrivalOf(syn!)), `${what}: said ${[...said].join()}, was ${arrivalOf(syn!)}`)
    const saidBack = fatesOf(answer.paths.flatMap((path) => path.reply?.paths ?? []))
    if (back !== undefined) assert.ok(saidBack.has(fateOf(back)), `answer to ${what}: was ${fateOf(back)}`)
    seen.set(arrivalOf(syn!), (seen.get(arrivalOf(syn!)) ?? 0) + 1)
    await setRules(original)
  }
  assert.ok((seen.get('delivered') ?? 0) > 2 && seen.size > 1, JSON.stringify([...seen]))
})

test('a rule may be proposed to go, and what cannot be proposed is refused with the reason', async () => {
  const open = await ask('client', 'web', 22)
  assert.equal(open.verdict, 'delivered')
  const closed = await ask('client', 'web', 22, { with: ['fw remove allow-ssh'] })
  assert.deepEqual([closed.verdict, closed.paths[0]!.reason?.code], ['dropped', 'FW_DEFAULT_DENY'])
  // Both at once: the rule that takes its place lets it through.
  const again = await ask('client', 'web', 22, { with: ['fw remove allow-ssh', 'fw allow inbound tcp/20-30'] })
  assert.equal(again.verdict, 'delivered')
  // Rules without names do not take each other's place.
  const unnamed = await ask('client', 'web', 22, {
    with: ['fw deny inbound tcp/22 priority 1', 'fw allow inbound tcp/80'],
  })
  assert.deepEqual([unnamed.verdict, unnamed.paths[0]!.reason?.code], ['dropped', 'FW_DENY_RULE'])
  const refusals: [string[], RegExp][] = [
    [['fw remove nothing'], /VPC default has no rule nothing; it has .*allow-ssh/],
    [['fw allow inbound tcp/99999'], /ports are at most 65535/],
    [['fw allow inbound from vpc:other'], /cross-VPC firewall rules are unsupported/],
    [['nat 0.0.0.0/0 via drop'], /is no change that can be proposed. These are: "fw allow/],
  ]
  for (const [texts, message] of refusals) {
    await assert.rejects(ask('client', 'web', 22, { with: texts }), (error: Error) => message.test(error.message))
  }
})

test('an earlier time is answered as it was asked then: rules, translations and instances that are gone', async () => {
  const told = ({ verdict, paths }: PathAnswer): unknown => [
    verdict,
    paths.map(({ at, events }) => [at, events.map(({ node, step }) => [node, step.kind === 'flow' ? '' : step])]),
  ]
  const inForce = () =>
    lab.emulation
      .sleds()
      .flatMap(({ engine }) => engine.ports())
      .find(({ name }) => name === 'web-nic0')!.config.generation
  await lab.clock.advance(60_000) // connections of earlier tests are forgotten: of an earlier time none are known
  const original = await rules()
  const first = await ask('client', 'web', 80)
  const firstWallMs = lab.clock.wallMs()
  const firstGeneration = inForce()
  await lab.clock.advance(10_000)
  const parsed = parseProposedChange('fw allow inbound tcp/80 name allow-web')
  assert.ok(parsed.ok && parsed.change.kind === 'put-rule')
  await setRules([...original, parsed.change.rule])
  const second = await ask('client', 'web', 80)
  const secondWallMs = lab.clock.wallMs()
  await lab.clock.advance(10_000)
  await lab.done(lab.api.floating_ip_detach({ params: { floating_ip: 'web-ip' }, query }))
  await lab.settle()
  const detached = await ask('client', address, 80)
  const detachedWallMs = lab.clock.wallMs()
  await lab.clock.advance(10_000)
  assert.deepEqual(
    [first, second, detached].map(({ verdict }) => verdict),
    ['dropped', 'delivered', 'dropped'],
  )
  const at = (wallMs: number): string => new Date(wallMs).toISOString()
  assert.deepEqual(told(await ask('client', address, 80, { at: at(firstWallMs) })), told(first))
  assert.deepEqual(told(await ask('client', address, 80, { at: at(secondWallMs) })), told(second))
  assert.deepEqual(told(await ask('client', address, 80, { at: at(secondWallMs) })), told(second))
  assert.deepEqual(told(await ask('client', address, 80, { at: at(detachedWallMs) })), told(detached))
  assert.deepEqual(told(await ask('client', address, 80, { at: `web:${firstGeneration}` })), told(first))
  const then = await ask('client', address, 80, { at: '-25s' })
  assert.equal(then.as_of, at(lab.clock.wallMs() - 25_000))
  assert.match(
    then.not_checked.join(),
    /connections of .* each begins anew.*routes, neighbours, links and measured delays of/,
  )
  // switchd begins anew with empty tables, and remembers what they were.
  const node = lab.emulation.switches()[0]!
  node.killSwitchd()
  await lab.clock.run(node.startSwitchd())
  await lab.untilReady()
  await lab.settle()
  assert.deepEqual(told(await ask('client', address, 80, { at: at(secondWallMs) })), told(second))
  await lab.settle()
  // An instance that is gone is found by its name of then.
  await lab.done(lab.api.instance_stop({ params: { instance: 'near' }, query }))
  await lab.settle()
  await lab.done(lab.api.instance_delete({ params: { instance: 'near' }, query }))
  await lab.settle()
  await assert.rejects(ask('near', 'web', 22), /"near" is no address/)
  assert.equal((await ask('near', 'web', 22, { at: at(secondWallMs) })).verdict, 'delivered')
  const hourAgo = new Date(lab.clock.wallMs() - 3_600_000).toTimeString()
  for (const [text, message] of [
    ['yesterday', /is no time: 14:02/],
    // Times of day are not generations.
    [hourAgo.slice(0, 8), /not kept any more|is here now, and was not then/],
    [hourAgo.slice(0, 5), /not kept any more|is here now, and was not then/],
    ['web:100000', /web has no generation 100000 yet; there are \d/],
    ['client:3', /a generation is that of an instance/],
    ['2999-01-01T00:00:00Z', /is yet to come/],
  ] as const) {
    await assert.rejects(ask('client', 'web', 80, { at: text }), (error: Error) => message.test(error.message))
  }
})

test('a sled that began anew forgets what was before; paths that do not pass it are answered all the same', async () => {
  const body = { kind: 'instance', parent: 'web' } as const
  await lab.done(lab.api.floating_ip_attach({ params: { floating_ip: 'web-ip' }, query, body }))
  await lab.settle()
  const at = new Date(lab.clock.wallMs()).toISOString()
  const sleds = lab.emulation.sleds()
  const isHome = ({ agent }: (typeof sleds)[number]): boolean =>
    [...agent.instances.values()].some(({ desired }) => desired.hostname === 'web')
  const home = sleds.find(isHome)!.name
  const turnOffAndOn = async (name: string): Promise<void> => {
    await lab.clock.run(lab.emulation.setPower(name, false))
    await lab.clock.advance(1000)
    await lab.clock.run(lab.emulation.setPower(name, true))
    await lab.untilReady()
    await settled()
  }
  await turnOffAndOn(sleds.find((sled) => !isHome(sled))!.name)
  assert.equal((await ask('client', 'web', 22, { at })).verdict, 'delivered')
  await turnOffAndOn(home)
  await assert.rejects(ask('web', address, 22, { at }), /what sled\d was configured to at .* is not kept any more/)
  const into = await ask('client', address, 22, { at })
  assert.deepEqual([into.verdict, into.paths[0]!.at], ['unknown', home])
  assert.match(into.paths[0]!.detail ?? '', /is not kept any more; it reaches back to/)
})

test('what the places on a way were told is said with its age, and what one of them lacks', async () => {
  const { freshness = [] } = await ask('client', address, 80)
  const nat = freshness.filter(({ input }) => input === 'nat')
  assert.ok(
    nat.length > 0 &&
      nat.every(({ at, behind, age_ms: ageMs }) => at.startsWith('switch') && behind === 0 && ageMs! < 60_000),
  )
})
