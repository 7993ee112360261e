/** `lode demo` as a person runs it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { lode, temporaryDirectory } from './lode-process.fixture.ts'
import { flaws, tshark, WITHOUT_TSHARK } from './tshark.fixture.ts'

test('lode demo tells the stories of the SYN and of its answer, then why the next request is dropped', async (t) => {
  const { status, stdout, stderr, elapsedMs } = await lode(['demo'])
  assert.equal(status, 0, stderr)
  t.diagnostic(`took ${(elapsedMs / 1000).toFixed(1)} s`)
  assert.match(stdout, /HTTP\/1\.1 200/)
  const syn = between(stdout, 'The story of the SYN (', 'The story of its answer')
  const answer = between(stdout, 'The story of its answer', 'Now without the firewall rule')
  const dropped = stdout.slice(stdout.indexOf('Now without the firewall rule'))
  // Every hop there: the upstream router, the switch with its table and the tunnel, the sled's port and its rule, the guest.
  for (const pattern of [
    /isp[01] +route 198\.51\.100\.0\/24/,
    /table ingress\.nat_ingress\.ingress_ipv4: .* hit .* → forward_to_sled/,
    /hdr\.geneve\b.*vni/,
    /decapsulates: Geneve VNI \d+/,
    /firewall in: allow by rule "allow-http"/,
    /nat in: modify by rule "floating 198\.51\.100\.\d+" — destination/,
    /^DELIVERED .* SYN /m,
  ]) {
    assert.match(syn, pattern)
  }
  for (const pattern of [
    /encapsulates: to the switch at/,
    /rewrites ipv4\.src:? 172\.30\.0\.\d+ → 198\.51\.100\.\d+/,
  ]) {
    assert.match(answer, pattern)
  }
  assert.match(answer, /^DELIVERED .* SYN,ACK to client/m)
  assert.match(dropped, /^DROPPED .* at sled\d, layer firewall in$/m)
  assert.match(dropped, /^because +No firewall rule allows it.*\[FW_DEFAULT_DENY\]$/m)
  assert.match(dropped, /^closest +rule "allow-/m)
  assert.match(dropped, /^fix +Add a firewall rule/m)
})

test('lode demo --json prints one object, and --capture a file without a malformed packet or a bad checksum', async (t) => {
  const file = join(await temporaryDirectory(t), 'demo.pcapng')
  const { status, stdout, stderr, elapsedMs } = await lode(['demo', '--json', '--capture', file])
  assert.equal(status, 0, stderr)
  t.diagnostic(`took ${(elapsedMs / 1000).toFixed(1)} s`)
  const result = JSON.parse(stdout) as Record<'syn' | 'answer' | 'dropped', { events: unknown[] }> & {
    statusLine: string
    verdict: string[]
  }
  assert.match(result.statusLine, /^HTTP\/1\.1 200/)
  assert.match(result.verdict[0]!, /^DROPPED/)
  for (const story of [result.syn, result.answer, result.dropped]) assert.ok(story.events.length > 10)

  await t.test('tshark agrees', { skip: WITHOUT_TSHARK }, () => {
    assert.deepEqual(flaws(file), [])
    const seen = (filter: string): number => tshark(file, filter, 'frame.number').length
    assert.ok(seen('geneve && tcp.flags.syn == 1 && tcp.port == 80') >= 3, 'the tunnelled SYN, SYN-ACK, dropped SYN')
    assert.ok(seen('lodestone.sidecar') > 0, 'sidecar headers at the CPU ports')
    const names = new Set(tshark(file, 'frame', 'frame.interface_name').map(([name]) => name))
    for (const name of ['switch0-cpu', 'isp0-client']) assert.ok(names.has(name), `${name} among ${[...names].join()}`)
  })
})

function between(text: string, from: string, to: string): string {
  return text.slice(text.indexOf(from), text.indexOf(to))
}
