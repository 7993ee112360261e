import assert from 'node:assert/strict'
import test from 'node:test'
import { ConsoleBuffer } from './console-buffer.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)

test('reads from an offset since boot, and says where it ended', () => {
  const buffer = new ConsoleBuffer(16)
  buffer.write(bytes('hello world'))
  assert.equal(text(buffer.read(6, 100).data), 'world')
  assert.deepEqual(buffer.read(0, 5), { data: bytes('hello'), endOffset: 5 })
  assert.equal(buffer.read(99, 5).data.length, 0)
})

test('keeps the last bytes only, and offsets go on counting', () => {
  const buffer = new ConsoleBuffer(8)
  buffer.write(bytes('0123456789'))
  buffer.write(bytes('ab'))
  assert.equal(text(buffer.read(0, 100).data), '456789ab')
  assert.equal(buffer.written, 12)
  buffer.write(bytes('the quick brown fox'))
  assert.equal(text(buffer.read(0, 100).data), 'rown fox')
})

test('listeners hear what is written until they leave', () => {
  const buffer = new ConsoleBuffer(8)
  const heard: string[] = []
  const stop = buffer.listen((chunk) => heard.push(text(chunk)))
  buffer.write(bytes('a'))
  stop()
  buffer.write(bytes('b'))
  assert.deepEqual(heard, ['a'])
})
