/** Recovery over the management network: phase 2 images by hash, the technician's ports, and the power shelf. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { Board } from './device/board.ts'
import { POWER_SHELF } from './device/board-profile.ts'
import { buildImage } from './firmware/image.ts'
import type { UnlockResponse } from './firmware/monorail-task.ts'
import { encode } from './protocol/codec.ts'
import { unlockChallenge } from './protocol/request.ts'
import { Rig, value } from './rig.fixture.ts'

const SLED0 = { type: 'sled', slot: 0 } as const

async function recoveryRig(image: Uint8Array, named: string | undefined) {
  const rig = await Rig.start()
  const body = { base64_image: Buffer.from(image).toString('base64') }
  const { sha256_hash } = value(await rig.run(rig.api.recovery_host_phase2_upload({ body })))
  const { sp } = rig.sleds[0]!
  sp.flash.hostBoot.slots[0] = buildImage({
    board: 'gimlet-e',
    name: 'host-boot',
    version: '1.0.1',
    phase2Hash: named ?? sha256_hash,
  })
  value(await rig.run(rig.api.sp_startup_options_set({ params: SLED0, body: { bits: 1 } })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
  return { rig, sp, sha256_hash }
}

const progressOf = async (rig: Rig) => value(await rig.run(rig.api.sp_host_phase2_progress_get({ params: SLED0 })))

test('a host in recovery fetches its phase 2 image by hash through its service processor, lossy network or not', async () => {
  const image = Uint8Array.from({ length: 10_000 }, (_, index) => (index * 7) & 0xff)
  const { rig, sp, sha256_hash } = await recoveryRig(image, undefined)
  assert.deepEqual([sp.board.isHostOn, sp.board.isHostRunning], [true, false], 'it has power and waits')
  sp.inject({ kind: 'network', loss: 0.2, duplicate: 0.2 })
  assert.ok(await rig.clock.until(() => sp.firmware?.phase2.status?.state === 'complete', 600_000))
  sp.clear()
  assert.deepEqual(Buffer.concat(sp.firmware?.phase2.status?.parts ?? []), Buffer.from(image))
  assert.equal(sp.board.isHostRunning, true)
  const progress = await progressOf(rig)
  assert.ok(progress.progress === 'available')
  assert.deepEqual(
    [progress.image_id.sha256_hash, progress.offset, progress.total_size],
    [sha256_hash, image.length, image.length],
  )
  value(await rig.run(rig.api.sp_host_phase2_progress_delete({ params: SLED0 })))
  assert.deepEqual(await progressOf(rig), { progress: 'none' })
  rig.close()
})

test('a host whose image no gateway has does not start, which an ereport tells, until it is switched off and on without recovery', async () => {
  const { rig, sp } = await recoveryRig(Uint8Array.of(1, 2, 3), '00'.repeat(32))
  assert.ok(await rig.clock.until(() => sp.firmware?.phase2.status?.state === 'unavailable', 60_000))
  const reports = value(await rig.run(rig.api.sp_ereports({ params: SLED0 })))
  const told = reports.items.map((each) => `${String(each.data['k'])} ${String(each.data['reason'] ?? '')}`.trim())
  assert.ok(
    told.includes('host.phase2.unavailable') && told.includes('host.boot.failed phase 2 unavailable'),
    told.join(),
  )
  assert.deepEqual([sp.board.isHostOn, sp.board.isHostRunning], [true, false])
  assert.equal(sp.firmware?.phase2.failure, 'unavailable')
  value(await rig.run(rig.api.sp_startup_options_set({ params: SLED0, body: { bits: 0 } })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A2' })))
  value(await rig.run(rig.api.sp_power_state_set({ params: SLED0, body: 'A0' })))
  assert.deepEqual([sp.board.isHostRunning, sp.firmware?.phase2.failure], [true, undefined])
  rig.close()
})

test('a boot flash that names no image, or a task that is gone, is a boot that failed', async () => {
  const { rig, sp } = await recoveryRig(Uint8Array.of(1), 'not a hash')
  await rig.clock.advance(10)
  assert.equal(sp.firmware?.phase2.failure, 'unnamed')
  rig.close()
  const second = await recoveryRig(new Uint8Array(200_000), undefined)
  second.sp.inject({ kind: 'task-crash', task: 'host_sp_comms' })
  await second.rig.clock.advance(10)
  assert.deepEqual([second.sp.firmware?.phase2.failure, second.sp.board.isHostRunning], ['no-service', false])
  second.rig.close()
})

test('the technician’s ports open to a trusted key’s signature, once, for a time', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x, y } = publicKey.export({ format: 'jwk' })
  const key = Buffer.concat([Buffer.of(4), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
  const rig = await Rig.start({ unlockKeys: [key] })
  const connection = rig.gateway.connection(rig.gateway.ignition!)
  const component = 'monorail'
  const asked = await rig.run(
    connection.ask(
      { kind: 'ComponentAction', component, action: { kind: 'Monorail', action: { kind: 'RequestChallenge' } } },
      ['ComponentAction'],
    ),
  )
  assert.ok(asked.ok && asked.response.response.kind === 'Monorail')
  const { challenge } = asked.response.response.response
  const signerNonce = new Uint8Array(8).fill(5)
  const signature = sign('sha256', Buffer.concat([signerNonce, encode(unlockChallenge, challenge)]), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  const right: UnlockResponse = { kind: 'EcdsaSha2Nistp256', key, signerNonce, signature }
  const unlock = async (response: UnlockResponse, timeS: number) => {
    const action = { kind: 'Monorail', action: { kind: 'Unlock', challenge, response, timeS } } as const
    const result = await rig.run(connection.ask({ kind: 'ComponentAction', component, action }, ['ComponentActionAck']))
    return result.ok || result.failure.kind !== 'refused' ? 'ok' : JSON.stringify(result.failure.error)
  }
  const forged = signature.subarray()
  assert.match(
    await unlock({ ...right, signature: Uint8Array.from(forged, (byte) => byte ^ 1) }, 60),
    /UnlockAuthFailed/,
  )
  assert.match(await unlock(right, 1_000_000), /TimeIsTooLong/)
  const { monorail } = rig.switches[0]!.sp.firmware!
  assert.equal(monorail?.isUnlocked, false)
  assert.equal(await unlock(right, 60), 'ok')
  assert.equal(monorail?.isUnlocked, true)
  assert.match(await unlock(right, 60), /UnlockAuthFailed/, 'a challenge is used once')
  await rig.clock.advance(60_000)
  assert.equal(monorail?.isUnlocked, false)
  rig.close()
})

test('a power shelf has standby and sensors but no host', async () => {
  const clock = new VirtualClock()
  const board = new Board({ clock, profile: POWER_SHELF })
  board.startUp()
  await clock.advance(1_200_000)
  assert.deepEqual([board.hasStandby, board.isHostOn, board.plant.isDamaged], [true, false, false])
  assert.ok(board.plant.temperaturesC[0]! > 35 && board.plant.temperaturesC[0]! < POWER_SHELF.parts[0]!.targetC)
  board.close()
})
