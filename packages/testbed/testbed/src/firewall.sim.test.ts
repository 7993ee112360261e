/** What the rules of a VPC let in, what they keep out and why, seen from the internet. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { failure, type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { sentBy, stepsOf } from './story-hops.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const ADDRESS = '198.51.100.20'

let lab: RackLab
let guest: LabGuest

before(async () => {
  lab = await RackLab.start()
  guest = await lab.attach({ name: 'db', sled: 0, vpc: VPC, ip: '172.30.0.5', floating: [ADDRESS] })
  for (const port of [22, 80]) await guest.stack.listenTcp({ port }, (socket) => echo(socket))
})
after(() => lab.close())

test('a new VPC lets ping and ssh in', async () => {
  const [answer] = await lab.run(lab.client.stack.ping(ADDRESS))
  assert.equal(answer!.outcome, 'reply')
  assert.equal(answer!.from?.toString(), ADDRESS)
  const socket = await lab.run(lab.client.stack.connectTcp({ address: ADDRESS, port: 22 }))
  assert.equal(await lab.run(say(socket, 'SSH-2.0-lab\r\n')), 'SSH-2.0-lab\r\n')
  socket.destroy()
})

test('without a rule HTTP is dropped by default, and the story says which rule is nearest and what is missing', async () => {
  const { value, stories } = await lab.stories(() =>
    failure(lab.run(lab.client.stack.connectTcp({ address: ADDRESS, port: 80, timeoutMs: 2500 }))),
  )
  assert.equal(value.code, 'ETIMEDOUT')
  const syns = sentBy(stories, 'client', /> 198\.51\.100\.20:80 TCP SYN$/)
  assert.ok(syns.length >= 2, 'it was tried again')
  for (const syn of syns) {
    const last = syn.events.at(-1)!
    assert.equal(last.node, 'sled0')
    const [dropped] = stepsOf(syn, 'dropped')
    assert.equal(dropped!.reason.code, 'FW_DEFAULT_DENY')
    assert.ok(dropped!.reason.hint !== undefined)
    const deny = stepsOf(syn, 'layer').find((layer) => layer.verdict === 'deny')!
    assert.equal(deny.layer, 'firewall')
    const nearest = dropped!.nearest ?? deny.nearest ?? []
    assert.equal(nearest[0]!.rule, 'allow-ssh')
    assert.deepEqual(
      nearest[0]!.failed.map(({ wanted, actual }) => [/22/.test(wanted), actual]),
      [[true, '80']],
    )
  }
})

test('a rule lets new connections in at once; taking it away stops a live connection, putting it back lets it go on', async () => {
  const open = [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]
  await lab.run(lab.control.setRules(VPC.vni, open))
  const socket = await lab.run(lab.client.stack.connectTcp({ address: ADDRESS, port: 80 }))
  assert.equal(await lab.run(say(socket, 'one')), 'one')

  await lab.run(lab.control.setRules(VPC.vni, defaultRules(VPC.vni)))
  const { value: answer, stories } = await lab.stories(async () => {
    const pending = say(socket, 'two')
    await lab.clock.advance(700)
    return Promise.race([pending, Promise.resolve('silence')])
  })
  assert.equal(answer, 'silence')
  const data = sentBy(stories, 'client', /PSH,ACK length 3/)
  assert.ok(data.length >= 2, 'TCP repeats it')
  for (const story of data) assert.equal(stepsOf(story, 'dropped')[0]?.reason.code, 'FW_DEFAULT_DENY')

  await lab.run(lab.control.setRules(VPC.vni, open))
  const back = new Promise<string>((resolve) => socket.once('data', (bytes: Buffer) => resolve(bytes.toString())))
  assert.equal(await lab.run(back, 5000), 'two')
  socket.destroy()
})

test('what was dropped while nobody watched is still there to be asked for, with its reason', () => {
  const port = lab.emulation.sleds()[0]!.engine.port(guest.instance.nicId)!
  const reasons = new Set(port.recentDrops().map((drop) => drop.reason.code))
  assert.ok(reasons.has('FW_DEFAULT_DENY'))
})

function echo(socket: TcpSocket): void {
  socket.on('error', () => undefined)
  socket.on('data', (bytes: Buffer) => socket.write(bytes))
}

/** Sends a text and resolves with the next bytes that come back. */
function say(socket: TcpSocket, text: string): Promise<string> {
  socket.on('error', () => undefined)
  const answer = new Promise<string>((resolve) => socket.once('data', (bytes: Buffer) => resolve(bytes.toString())))
  socket.write(text)
  return answer
}
