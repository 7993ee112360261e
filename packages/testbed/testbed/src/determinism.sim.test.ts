/** The same seed gives the same rack: every frame on every link, at the same time, byte for byte. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { RackLab } from './rack-lab.fixture.ts'
import { transfer } from './transfer.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const RUN_MS = 10_000

interface Run {
  readonly hash: string
  readonly frames: number
  readonly events: number
}

/** Ten seconds with loss, jitter, duplicates, a transfer both ways, a link that goes and a switch that restarts. */
async function run(seed: number): Promise<Run> {
  const lab = await RackLab.start({ seed })
  const hash = createHash('sha256')
  let frames = 0
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 5001)]))
  const web = await lab.attach({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: ['198.51.100.20'] })
  const untap = [...lab.emulation.links().values()].map((link) =>
    link.tap((slot, direction, atMs) => {
      frames++
      hash.update(`${atMs} ${link.name} ${direction} `)
      hash.update(lab.world.arena.peek(slot))
    }),
  )
  for (const link of lab.emulation.links().values()) {
    link.configure({ loss: 0.003, duplicate: 0.002, jitterMs: 0.05, mayReorder: true })
  }
  lab.clock.after(30, () => lab.link('sled1-switch0').setUp(false))
  lab.clock.after(900, () => lab.link('sled1-switch0').setUp(true))
  lab.clock.after(3000, () => void lab.emulation.setPower('switch1', false))
  lab.clock.after(4000, () => void lab.emulation.setPower('switch1', true))
  for (const sender of ['listener', 'opener'] as const) {
    const parties = { opener: lab.client.stack, listener: web.stack }
    await transfer({ lab, ...parties, address: '198.51.100.20', port: 5001, bytes: 800_000, sender })
  }
  await lab.clock.advance(RUN_MS - lab.clock.nowMs())
  for (const stop of untap) stop()
  const result = { hash: hash.digest('hex'), frames, events: lab.clock.eventsRun }
  lab.close()
  return result
}

test('the same seed gives the same frames at the same times on every link, with loss, failures and transfers; another does not', async (t) => {
  const startMs = performance.now()
  const first = await run(42)
  const realMs = performance.now() - startMs
  assert.ok(first.frames > 5000, `${first.frames} frames`)
  assert.deepEqual(await run(42), first)
  assert.notEqual((await run(43)).hash, first.hash, 'another seed gives another run')
  t.diagnostic(
    `${RUN_MS} ms of virtual time in ${Math.round(realMs)} ms: ${first.frames} frames, ` +
      `${first.events} events, ${Math.round((first.events / realMs) * 1000)} events/s`,
  )
})
