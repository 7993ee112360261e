import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { formatSource } from '@lodestone/rsf'
import { DEVICES, generateRegisters, registers } from '../tools/generate.ts'

test('the clients and register files are what the specifications say', async () => {
  const files = await generateRegisters()
  assert.deepEqual(readdirSync(registers).toSorted(), [...files.keys()].toSorted())
  for (const [name, text] of files) {
    assert.equal(readFileSync(new URL(name, registers), 'utf8'), text, `${name}: run node tools/generate.ts`)
  }
})

test('the specifications are in the canonical layout', () => {
  for (const device of DEVICES) {
    const text = readFileSync(new URL(`../specs/${device}.rsf`, import.meta.url), 'utf8')
    assert.equal(formatSource(device, text).text, text)
  }
})

test('firmware reaches devices through generated clients only', () => {
  const folder = new URL('./firmware/', import.meta.url)
  for (const name of readdirSync(folder)) {
    const text = readFileSync(new URL(name, folder), 'utf8')
    const imports = [...text.matchAll(/from '([^']+)'/g)].map((match) => match[1])
    const devices = imports.filter((each) => each?.startsWith('../device/') && each !== '../device/board-profile.ts')
    assert.deepEqual(devices, [], `${name} knows how a device is made`)
  }
})
