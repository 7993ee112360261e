/** explain, why, watch, diff and probe against a running rack, as their user meets them. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { CauseAnswer, DropGroup, PathAnswer } from '@lodestone/contract-testbed'
import { summarize } from '@lodestone/packet'
import {
  captured,
  during,
  type Finished,
  RackProcess,
  type Running,
  says,
  temporaryDirectory,
  until,
} from '../../lode-process.fixture.ts'
import { createWebInstance } from '../../web-instance.fixture.ts'

const ADDRESS = '198.51.100.30'

let rack: RackProcess
let directory: string

const cleanups: (() => Promise<void>)[] = []

before(async () => {
  directory = await temporaryDirectory({ after: (fn) => cleanups.push(fn) })
  rack = await RackProcess.start(join(directory, 'rack'), '--sleds', '2')
  await createWebInstance(rack, { project: 'shop', name: 'web1', address: ADDRESS })
})
after(async () => {
  await rack?.kill('SIGTERM')
  for (const cleanup of cleanups) await cleanup()
})

test('explain says verdict, cause and remedy first, and with its exit status whether it is well', async () => {
  // The switches learn of the address a moment after the API has.
  const open = await until('web1 can be reached', async () => {
    const result = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--brief')
    return result.status === 0 ? result : undefined
  })
  assert.match(open.stdout, /^DELIVERED {2}client \(\S+\) → web1 \(198\.51\.100\.30\) {2}tcp\/80 {2}at web1/)
  const closed = await rack.lode('explain', 'client', 'web1', 'tcp/81')
  assert.equal(closed.status, 1)
  assert.match(
    closed.stdout,
    /^DROPPED .* on (\d+) of \1 paths\nbecause .*\[FW_DEFAULT_DENY\]\nclosest {2}rule .* packet has 81\n(closest .*\n)*fix /,
  )
  assert.match(closed.stdout, / {2}switch\d {2}[^]*ingress_ipv4/)
  const wrong = await rack.lode('explain', 'client', 'nobody', 'tcp/80')
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /there are .*web1/)
})

test('explain follows the answer, a rule that is only proposed, and an earlier configuration', async () => {
  const both = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--reply')
  assert.equal(both.status, 0, both.stdout)
  assert.match(both.stdout, /\nREPLY DELIVERED {2}IPv4 \S+:80 > \S+ TCP SYN,ACK length 20 {2}at client/)
  assert.match(both.stdout, /flow: opens a connection, TCP Closed → Listen/)
  assert.match(both.stdout, /firewall out: allow by flow state .*part of a connection that began outside/)
  assert.match(both.stdout, /\naround {3}\d+ links, \d+ packet sizes.*: all well/)
  assert.match(both.stdout, /\ntold {5}switch\d: .*nat \d+ \(\d+ s\)/)
  const short = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--reply', '--minimal')
  assert.equal(short.stdout, 'delivered web1\nreply delivered client\n')
  assert.equal(
    (await rack.lode('explain', 'client', 'web1', 'tcp/81', '--minimal')).stdout,
    'dropped sled0 FW_DEFAULT_DENY\n',
  )
  const rule = 'fw allow inbound tcp/81 from 203.0.113.0/24 target instance:web1'
  const open = await rack.lode('explain', 'client', 'web1', 'tcp/81', '--with', rule, '--brief')
  assert.equal(open.status, 0, open.stdout)
  assert.match(open.stdout, /^with {5}fw allow .*\(VPC default; nothing was changed\)\nDELIVERED/)
  const mistake = await rack.lode('explain', 'client', 'web1', 'tcp/81', '--with', 'fw allow inwards')
  assert.equal(mistake.status, 2)
  assert.match(mistake.stderr, /expected inbound or outbound/)
  const before = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--at', '2020-01-01T00:00:00Z')
  assert.equal(before.status, 2)
  assert.match(before.stderr, /is not kept any more; it reaches back to 2/)
})

test('diff compares two times, a proposed rule, and two places', async () => {
  const gone = await rack.lode('diff', 'client', 'web1', 'tcp/80', '--with', 'fw remove allow-http')
  assert.equal(gone.status, 1)
  assert.match(
    gone.stdout,
    /^delivered → dropped.*\nthe same up to .*\n- sled\d: firewall in: allow by .*\n\+ sled\d: firewall in: deny/,
  )
  const places = await rack.lode('diff', 'client', 'web1', 'tcp/80', '--or-from', 'isp0')
  assert.ok(places.status === 0 || places.status === 1, places.stderr)
  const none = await rack.lode('diff', 'client', 'web1', 'tcp/80')
  assert.equal(none.status, 2)
  assert.match(none.stderr, /say one thing that is to be different/)
})

test('explain takes a packet out of a capture, and out of its tunnel', async () => {
  const file = join(directory, 'web.pcapng')
  const capture = rack.begin('capture', 'isp0-client', 'isp1-client', 'sled0-switch0', 'sled1-switch1', '-w', file)
  await until('the capture has begun', async () =>
    (await readFile(file).catch(() => '')).length > 0 ? true : undefined,
  )
  await rack.lode('exec', 'client', '--', 'curl', `http://${ADDRESS}:80/`)
  const isSyn = /:80 TCP SYN(?! ACK)/
  const packets = await captured(capture, file, isSyn)
  const frame = 1 + packets.findIndex(({ bytes }) => isSyn.test(summarize(bytes, 0, bytes.length)))
  const answer = await rack.json<PathAnswer>('explain', 'client', '--pcap', file, '--frame', String(frame))
  assert.equal(answer.verdict, 'delivered')
  assert.equal(answer.destination, ADDRESS)
  assert.equal(answer.question.port, 80)
  const beyond = await rack.lode('explain', 'client', '--pcap', file, '--frame', '100000')
  assert.equal(beyond.status, 2)
  assert.match(beyond.stderr, /the capture has \d+ frames/)
  const both = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--pcap', file)
  assert.equal(both.status, 2)
})

test('diff names the first step at which two explanations part', async () => {
  const file = join(directory, 'before.json')
  await until('nothing differs', async () => {
    const answer = await rack.json<PathAnswer>('explain', 'client', 'web1', 'tcp/80', '--brief')
    await writeFile(file, JSON.stringify(answer))
    return (await rack.lode('diff', file)).status === 0 ? true : undefined
  })
  const path = '/v1/vpc-firewall-rules?project=shop&vpc=default'
  const openAt = new Date().toISOString()
  const { rules } = await rack.api<{ rules: { name: string }[] }>('GET', path)
  await rack.api('PUT', path, { rules: rules.filter(({ name }) => name !== 'allow-http') })
  // Asked again where something else differs for a while: a route that a machine that stood still has lost.
  const different = await says(/\n- sled\d: .*\n\+ sled\d: .*/, () => rack.lode('diff', file))
  assert.equal(different.status, 1)
  const since = await says(
    /^delivered → dropped.*\nthe same up to .*\n- sled\d: firewall in: allow.*\n\+ sled\d: firewall in: deny/,
    () => rack.lode('diff', 'client', 'web1', 'tcp/80', '--at', openAt),
  )
  assert.equal(since.status, 1)
})

/** A request that is not answered is sent again and again, and so are its packets. */
function visitTo(port: number): () => Running {
  return () => rack.begin('exec', 'client', '--', 'curl', `http://${ADDRESS}:${port}/`)
}

test('why groups what was dropped at an instance, with its last packet', async () => {
  await during(visitTo(81), async () => {
    const denied = await until('the drop is told', async () => {
      const groups = await rack.json<DropGroup[]>('why', 'web1')
      return groups.find(({ reason, summary }) => reason.code === 'FW_DEFAULT_DENY' && summary.includes(':81 TCP SYN'))
    })
    assert.ok(denied.total >= 1 && denied.recent >= 1)
    const text = await rack.lode('why', 'web1')
    assert.match(text.stdout, /× FW_DEFAULT_DENY {2}in at web1/)
  })
})

test('watch follows drops, and a probe program counts them by reason', async () => {
  const watch = rack.begin('watch')
  const program = '*:drop { @[provider, reason] = count(); printf("%s\\n", reason) } END { printf("over\\n") }'
  const probe = rack.begin('probe', program)
  try {
    await during(visitTo(82), () =>
      until('the drop was seen by both', () => {
        const isWatched = /DROPPED .*:82 TCP SYN.* FW_DEFAULT_DENY/.test(watch.stdout())
        return isWatched && probe.stdout().includes('FW_DEFAULT_DENY') ? true : undefined
      }),
    )
  } finally {
    watch.kill('SIGINT')
    probe.kill('SIGINT')
  }
  const { stdout } = await probe.finished
  assert.match(stdout, /over\n[^]*vport +FW_DEFAULT_DENY +\d+/)
  await watch.finished
  const mistake = await rack.lode('probe', 'lnk:drop { }')
  assert.equal(mistake.status, 2)
  assert.match(mistake.stderr, /no provider matches lnk; there are action, api, bfd, bgp/)
})

test('flows tells when a connection of an instance begins', async () => {
  const flows = rack.begin('flows')
  const hidden = rack.begin('flows', '--no-addresses', '--json')
  try {
    await until('a connection was told', async () => {
      await rack.lode('exec', 'client', '--', 'ping', '-c', '1', ADDRESS)
      return flows.stdout().includes('opened icmp') && hidden.stdout().includes('opened') ? true : undefined
    })
  } finally {
    flows.kill('SIGINT')
    hidden.kill('SIGINT')
  }
  await Promise.all([flows.finished, hidden.finished])
  assert.match(flows.stdout(), /sled\d web1-nic0 opened icmp \S+ as \S+ \(floating\) ← \S+, rule allow-icmp/)
  const [line] = hidden.stdout().split('\n')
  assert.deepEqual(
    ['kind', 'remote'].map((key) => key in (JSON.parse(line!) as object)),
    [true, false],
  )
  const mistake = await rack.lode('flows', 'sled77')
  assert.equal(mistake.status, 2)
  assert.match(mistake.stderr, /There is no sled sled77; there are sled0/)
})

test('cause leads from the request over the entry that it made to the packets that used it', async () => {
  const body = { name: 'spare', description: '' }
  const { ip } = await rack.api<{ ip: string }>('POST', '/v1/floating-ips?project=shop', body)
  await rack.api('POST', '/v1/floating-ips/spare/attach?project=shop', { kind: 'instance', parent: 'web1' })
  const answer = await until('the switch translates it', async () => {
    const result = await rack.lode('cause', 'switch0', 'ingress_ipv4', ip, '--wait', '0', '--json')
    return result.status === 0 ? (JSON.parse(result.stdout) as CauseAnswer) : undefined
  })
  const [entry] = answer.entries
  assert.equal(entry?.reconciler?.name, 'nat')
  assert.equal(entry.requests[0]?.operation, 'floating_ip_attach')
  const { items } = await rack.api<{ items: { request_id: string; request_uri: string }[] }>(
    'GET',
    '/v1/system/audit-log?start_time=2000-01-01T00:00:00Z&limit=1000',
  )
  const logged = items.find(({ request_id }) => request_id === entry.requests[0]!.id)
  assert.match(logged?.request_uri ?? '', /spare\/attach/)
  // Both switches are watched, because either may get the packets.
  const pings = (): Running => rack.begin('exec', 'client', '--', 'ping', '-c', '10', ip)
  const cause = (name: string): Promise<Finished> => rack.lode('cause', name, 'ingress_ipv4', ip, '--wait', '2')
  const [first] = await during(pings, () =>
    until('packets that used the entry', async () => {
      const texts = (await Promise.all(['switch0', 'switch1'].map(cause))).map(({ stdout }) => stdout)
      return /\npacket {4}\d+ {2}DELIVERED .* ICMP/.test(texts.join('\n')) ? texts : undefined
    }),
  )
  assert.match(
    first!,
    /^switch0 ingress\.\S*ingress_ipv4 {2}.*\nwritten {3}\S+, by switchd, .*\npushed .*\nbecause .* floating_ip_attach /,
  )
  const none = await rack.lode('cause', 'switch0', 'ingress_ipv4', '192.0.2.77')
  assert.equal(none.status, 1)
  const wrong = await rack.lode('cause', 'switch0', 'nonsense')
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /has no table nonsense/)
})
