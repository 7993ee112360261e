import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import type { DiskCreate } from '@lodestone/contract-nexus'
import { settle } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { REFERENCE_MISSING, REFERENCE_URL, referenceCheck } from './reference.fixture.ts'

const GIB = 2 ** 30
const referenceText = existsSync(REFERENCE_URL) ? readFileSync(REFERENCE_URL, 'utf8') : undefined
const skip = referenceText === undefined ? REFERENCE_MISSING : false
const reference = referenceCheck(referenceText)
const query = { project: 'storage' }

const { rack, store, nexus, api, close } = await openNexus({ watch: reference.watch })

before(async () => {
  valueOf(await api.project_create({ body: { name: query.project, description: '' } }))
})

after(close)

function refusal(result: CallResult<unknown>): string {
  assert.ok(!result.ok && result.kind === 'refused', 'it was not refused')
  return `${result.status} ${result.message}`
}

function blank(name: string, size = GIB): DiskCreate {
  const disk_source = { type: 'blank', block_size: 512 } as const
  return { name, description: '', size, disk_backend: { type: 'distributed', disk_source } }
}

async function volumes(): Promise<number> {
  return (await store.db.selectFrom('volume').select('id').execute()).length
}

test('a disk is filled by bulk writes, becomes a snapshot, an image, and another disk; layers go when nothing needs them', async () => {
  const body: DiskCreate = {
    ...blank('upload'),
    disk_backend: { type: 'distributed', disk_source: { type: 'importing_blocks', block_size: 512 } },
  }
  const disk = valueOf(await api.disk_create({ query, body }))
  assert.deepEqual(disk.state, { state: 'import_ready' })
  const params = { disk: disk.id }
  const write = (offset: number, data: Buffer) =>
    api.disk_bulk_write_import({ params, body: { offset, base64_encoded_data: data.toString('base64') } })
  assert.match(refusal(await write(0, Buffer.alloc(512))), /^400 .*"import_ready"/)
  valueOf(await api.disk_bulk_write_import_start({ params }))
  valueOf(await write(0, Buffer.alloc(512, 1)))
  valueOf(await write(512, Buffer.alloc(1024, 2)))
  valueOf(await write(0, Buffer.alloc(512, 3)))
  assert.match(refusal(await write(100, Buffer.alloc(512))), /multiples of the block size/)
  assert.match(refusal(await write(GIB, Buffer.alloc(512))), /past the disk/)
  valueOf(await api.disk_bulk_write_import_stop({ params }))
  valueOf(await api.disk_finalize_import({ params, body: { snapshot_name: 'uploaded' } }))
  assert.deepEqual(valueOf(await api.disk_view({ params })).state, { state: 'detached' })
  const written = await store.db.selectFrom('volume_block').selectAll().orderBy('byte_offset').execute()
  assert.deepEqual(
    written.map((block) => [Number(block.byte_offset), block.data.length, block.data[0]]),
    [
      [0, 512, 3],
      [512, 1024, 2],
    ],
  )

  const snapshot = valueOf(await api.snapshot_view({ params: { snapshot: 'uploaded' }, query }))
  const source = { type: 'snapshot', id: snapshot.id } as const
  const description = ''
  const image = valueOf(
    await api.image_create({ query, body: { name: 'debian', description, os: 'debian', version: '13', source } }),
  )
  assert.equal(image.size, GIB)
  const promoted = valueOf(await api.image_promote({ params: { image: image.id } }))
  assert.equal(promoted.project_id, null)
  assert.equal(valueOf(await api.image_list()).items.length, 1)
  assert.equal(valueOf(await api.image_list({ query })).items.length, 0)
  const fromImage: DiskCreate = {
    ...blank('boot', 2 * GIB),
    disk_backend: { type: 'distributed', disk_source: { type: 'image', image_id: image.id, read_only: false } },
  }
  const boot = valueOf(await api.disk_create({ query, body: fromImage }))
  assert.deepEqual([boot.image_id, boot.block_size], [image.id, 512])
  assert.equal(await volumes(), 3)
  for (const gone of [
    await api.disk_delete({ params }),
    await api.snapshot_delete({ params: { snapshot: snapshot.id } }),
    await api.image_delete({ params: { image: 'debian' } }),
  ]) {
    valueOf(gone)
  }
  assert.equal(await volumes(), 2, 'the disk still stands on what was uploaded')
  valueOf(await api.disk_delete({ params: { disk: 'boot' }, query }))
  assert.equal(await volumes(), 0)
})

test('an instance comes with disks, boots from one, and gives them back when it goes', async () => {
  valueOf(await api.disk_create({ query, body: blank('data') }))
  const body = {
    name: 'db',
    description: '',
    hostname: 'db',
    ncpus: 1,
    memory: GIB,
    start: false,
    boot_disk: { type: 'create' as const, ...blank('root') },
    disks: [{ type: 'attach' as const, name: 'data' }],
  }
  const instance = valueOf(await api.instance_create({ query, body }))
  const params = { instance: instance.id }
  const list = valueOf(await api.instance_disk_list({ params })).items
  assert.deepEqual(
    list.map((disk) => [disk.name, disk.state.state]),
    [
      ['data', 'attached'],
      ['root', 'attached'],
    ],
  )
  const root = list[1]!
  assert.equal(valueOf(await api.instance_view({ params })).boot_disk_id, root.id)
  assert.match(refusal(await api.instance_disk_detach({ params, body: { disk: root.id } })), /boot disk/)
  assert.match(refusal(await api.disk_delete({ params: { disk: root.id } })), /"attached"/)
  valueOf(await api.instance_start({ params }))
  await settle(rack, nexus)
  assert.match(refusal(await api.instance_disk_detach({ params, body: { disk: list[0]!.id } })), /must be stopped/)
  valueOf(await api.snapshot_create({ query, body: { name: 'live', description: '', disk: 'root' } }))
  assert.match(refusal(await api.instance_create({ query, body: { ...body, name: 'twin' } })), /already exists: disk/)
  const busy = { ...body, name: 'twin', boot_disk: null }
  assert.match(refusal(await api.instance_create({ query, body: busy })), /"data" is in state "attached"/)
  valueOf(await api.instance_stop({ params }))
  await settle(rack, nexus)
  valueOf(await api.instance_delete({ params }))
  const left = valueOf(await api.disk_list({ query })).items.map((disk) => `${disk.name} ${disk.state.state}`)
  assert.deepEqual(left, ['data detached', 'root detached'])
})

test('sizes and quotas of storage are kept', async () => {
  for (const size of [0, GIB / 2, GIB + 1, 1024 * GIB]) {
    assert.match(
      refusal(await api.disk_create({ query, body: blank('odd', size) })),
      /^400 unsupported value for "size"/,
    )
  }
  const silo = { silo: 'test-suite-silo' }
  const used = valueOf(await api.utilization_view()).provisioned.storage
  assert.equal(used, 3 * GIB, 'two disks and a snapshot')
  valueOf(await api.silo_quotas_update({ params: silo, body: { storage: used + GIB } }))
  assert.match(
    refusal(await api.disk_create({ query, body: blank('big', 2 * GIB) })),
    /^507 .*quota of bytes of storage/,
  )
  valueOf(await api.disk_create({ query, body: blank('fits') }))
  const kept = await api.project_delete({ params: query })
  assert.match(refusal(kept), /contains a disk/)
})

test('every response fits the published interface', { skip }, () => {
  assert.deepEqual(reference.problems, [])
})
