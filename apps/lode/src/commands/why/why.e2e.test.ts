/** explain, why, watch, diff and probe against a running rack, as their user meets them. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { CauseAnswer, DropGroup, PathAnswer } from '@lodestone/contract-testbed'
import { readPcapng, summarize } from '@lodestone/packet'
import { RackProcess, temporaryDirectory, until } from '../../lode-process.fixture.ts'
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
  const open = await until('web1 can be reached', 20_000, async () => {
    const result = await rack.lode('explain', 'client', 'web1', 'tcp/80', '--brief')
    return result.status === 0 ? result : undefined
  })
  assert.match(open.stdout, /^DELIVERED {2}client \(\S+\) → web1 \(198\.51\.100\.30\) {2}tcp\/80 {2}at web1/)
  const closed = await rack.lode('explain', 'client', 'web1', 'tcp/81')
  assert.equal(closed.status, 1)
  assert.match(
    closed.stdout,
    /^DROPPED .* equal paths\nbecause .*\[FW_DEFAULT_DENY\]\nclosest {2}rule .* packet has 81\n(closest .*\n)*fix /,
  )
  assert.match(closed.stdout, / {2}switch\d {2}[^]*ingress_ipv4/)
  const wrong = await rack.lode('explain', 'client', 'nobody', 'tcp/80')
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /there are .*web1/)
})

test('explain takes a packet out of a capture, and out of its tunnel', async () => {
  const file = join(directory, 'web.pcapng')
  const capture = rack.begin('capture', 'isp0-client', 'isp1-client', 'sled0-switch0', 'sled1-switch1', '-w', file)
  await until('the capture has begun', 20_000, async () =>
    (await readFile(file).catch(() => '')).length > 0 ? true : undefined,
  )
  await rack.lode('exec', 'client', '--', 'curl', `http://${ADDRESS}:80/`)
  capture.kill('SIGINT')
  await capture.finished
  const { packets } = readPcapng(await readFile(file))
  const isSyn = (bytes: Uint8Array): boolean => /:80 TCP SYN(?! ACK)/.test(summarize(bytes, 0, bytes.length))
  const frame = 1 + packets.findIndex(({ bytes }) => isSyn(bytes))
  assert.ok(frame > 0)
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
  const answer = await rack.json<PathAnswer>('explain', 'client', 'web1', 'tcp/80', '--brief')
  await writeFile(file, JSON.stringify(answer))
  const same = await rack.lode('diff', file)
  assert.equal(same.status, 0, same.stdout)
  const path = '/v1/vpc-firewall-rules?project=shop&vpc=default'
  const { rules } = await rack.api<{ rules: { name: string }[] }>('GET', path)
  await rack.api('PUT', path, { rules: rules.filter(({ name }) => name !== 'allow-http') })
  const different = await until('the rule is gone', 10_000, async () => {
    const result = await rack.lode('diff', file)
    return result.status === 1 ? result : undefined
  })
  assert.match(different.stdout, /\n- sled\d: .*\n\+ sled\d: .*/)
})

test('why groups what was dropped at an instance, with its last packet', async () => {
  await rack.lode('exec', 'client', '--', 'curl', `http://${ADDRESS}:81/`)
  const groups = await rack.json<DropGroup[]>('why', 'web1')
  const denied = groups.find(({ reason }) => reason.code === 'FW_DEFAULT_DENY')
  assert.ok(denied, JSON.stringify(groups))
  assert.ok(denied.total >= 1 && denied.recent >= 1)
  assert.match(denied.summary, /:81 TCP SYN/)
  const text = await rack.lode('why', 'web1')
  assert.match(text.stdout, /× FW_DEFAULT_DENY {2}in at web1/)
})

test('watch follows drops, and a probe program counts them by reason', async () => {
  const watch = rack.begin('watch')
  const probe = rack.begin('probe', '*:drop { @[provider, reason] = count() } END { print("over") }')
  try {
    await until('the drop was seen', 20_000, async () => {
      await rack.lode('exec', 'client', '--', 'curl', `http://${ADDRESS}:82/`)
      return /DROPPED .*:82 TCP SYN.* FW_DEFAULT_DENY/.test(watch.stdout()) ? true : undefined
    })
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
    await until('a connection was told', 20_000, async () => {
      await rack.lode('exec', 'client', '--', 'ping', '-c', '1', ADDRESS)
      return flows.stdout().includes('opened') && hidden.stdout().includes('opened') ? true : undefined
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
  const answer = await until('the switch translates it', 10_000, async () => {
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
  const watched = ['switch0', 'switch1'].map((name) => rack.lode('cause', name, 'ingress_ipv4', ip, '--wait', '4'))
  const ping = rack.lode('exec', 'client', '--', 'ping', '-c', '5', ip)
  const texts = (await Promise.all(watched)).map(({ stdout }) => stdout)
  await ping
  assert.match(
    texts[0]!,
    /^switch0 ingress\.\S*ingress_ipv4 {2}.*\nwritten {3}\S+, by switchd, .*\npushed .*\nbecause .* floating_ip_attach /,
  )
  assert.match(texts.join('\n'), /\npacket {4}\d+ {2}DELIVERED .* ICMP/)
  const none = await rack.lode('cause', 'switch0', 'ingress_ipv4', '192.0.2.77')
  assert.equal(none.status, 1)
  const wrong = await rack.lode('cause', 'switch0', 'nonsense')
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /has no table nonsense/)
})
