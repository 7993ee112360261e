import assert from 'node:assert/strict'
import test from 'node:test'
import { CARD, specificationOf } from '../specification.fixture.ts'
import { addressMap, addressMapJson, lookupAddress, lookupPath, renderAddressMap } from './address-map.ts'

const card = specificationOf(CARD)

test('an address is the sum of block offsets and index times stride', () => {
  const status = addressMap(card).find(({ path }) => path === 'ports/1/status')
  assert.equal(status?.address, 0x6000 + 0x1000 + 0x400)
  assert.equal(renderAddressMap(card).split('\n')[0], '0x0100: clock/source')
  assert.deepEqual(
    lookupPath(card, /^ports\/\d\/config$/).map(({ address }) => address),
    [0x6200, 0x7200, 0x8200, 0x9200],
  )
})

test('every byte of a register finds it, the bytes beside do not', () => {
  for (const { address, path, register } of addressMap(card)) {
    for (let byte = 0; byte < register.width / 8; byte++) {
      const found = lookupAddress(card, address + byte)
      assert.deepEqual([found?.path, found?.address, found?.byte], [path, address, byte])
    }
    assert.equal(lookupAddress(card, address - 1), undefined)
    assert.equal(lookupAddress(card, address + register.width / 8), undefined)
  }
  assert.deepEqual(
    lookupAddress(card, 0x6201)?.fields.map(({ name }) => name),
    ['count'],
  )
  for (const address of [-1, 0.5, Number.NaN, 2 ** 60]) assert.equal(lookupAddress(card, address), undefined)
})

test('interleaved arrays come in order of address and are looked up right', () => {
  const both = specificationOf(`/// M.
block Main {
  /// a
  a: R[3; 8] @ 0,
  /// b
  b: R[3; 8] @ 4,
}
/// R.
register<32> R { }
`)
  const paths = addressMap(both).map(({ path }) => path)
  assert.deepEqual(paths, ['a/0', 'b/0', 'a/1', 'b/1', 'a/2', 'b/2'])
  assert.deepEqual(
    paths.map((_, index) => lookupAddress(both, index * 4 + 3)?.path),
    paths,
  )
})

test('the map as data survives JSON and names types, gaps and enums', () => {
  const json = addressMapJson(card)
  assert.deepEqual(JSON.parse(JSON.stringify(json)), json)
  assert.deepEqual(json.types['Config']?.gaps, [
    [2, 6],
    [16, 16],
  ])
  assert.equal(json.types['Config']?.fields[0]?.type, 'optics::Rate')
  assert.deepEqual(json.enums['clock::channel::Mode'], { widthBits: 2, values: { Free: 0, Locked: 3 } })
})
