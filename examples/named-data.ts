// Named data instead of addresses: a consumer, two forwarders that run p4/examples/ndn.p4, and a producer. No packet here is IP.
//
//     consumer ── north ── south ── producer          node examples/named-data.ts launch
//                                                     node examples/named-data.ts exec consumer -- get 1.2.3
import { type Device, lab, run } from '@lodestone/lab'

const ETHERTYPE = 0x8624
const [INTEREST, DATA] = [5, 6]
const HEADER = 14 + 14

/** A name of up to four components, as 8 bytes. */
function nameBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(8)
  text.split('.').forEach((part, i) => new DataView(bytes.buffer).setUint16(2 * i, Number(part)))
  return bytes
}

function packet(type: number, nonce: number, name: Uint8Array, content = ''): Uint8Array {
  const frame = new Uint8Array(Math.max(60, HEADER + content.length))
  const view = new DataView(frame.buffer)
  frame.fill(0xff, 0, 6)
  frame.set([2, 0, 0, 0, 0, type], 6)
  view.setUint16(12, ETHERTYPE)
  frame[14] = type
  frame[15] = 16 // hops
  view.setUint32(16, nonce)
  frame.set(name, 20)
  frame.set(new TextEncoder().encode(content), HEADER)
  return frame
}

const l = lab('named-data')
const consumer = l.device('consumer', (device: Device) => {
  let waiting: ((content: string) => void) | undefined
  return {
    onFrame(_port, frame) {
      if (frame[14] === DATA) waiting?.(new TextDecoder().decode(frame.subarray(HEADER)).replaceAll('\0', ''))
    },
    onCommand([verb, name = ''], print) {
      if (verb !== 'get') return 127
      return new Promise((resolve) => {
        const timer = device.clock.after(1000, () => resolve(1))
        waiting = (content) => {
          timer.cancel()
          print(content)
          resolve(0)
        }
        device.send('port0', packet(INTEREST, device.random.u32(), nameBytes(name)))
      })
    },
  }
})
const producer = l.device('producer', (device) => ({
  onFrame(port, frame) {
    if (frame[14] !== INTEREST) return
    const name = frame.slice(20, 28)
    const parts = [0, 2, 4, 6].map((at) => new DataView(name.buffer).getUint16(at)).filter((part) => part > 0)
    device.send(port, packet(DATA, 0, name, `content of /${parts.join('/')}`))
  },
}))
// Names under 1 are the producer's: 0x0001 in the first 16 of 64 bits.
const fib = { table: 'fib', keys: ['0x0001000000000000/16'], action: 'produce', args: [2] }
const north = l.switch('north', { program: 'ndn', entries: [fib] })
const south = l.switch('south', { program: 'ndn', entries: [fib] })
l.link(consumer, north.at(1), 'metro')
l.link(north.at(2), south.at(1), 'wan')
l.link(south.at(2), producer, 'metro')

l.test('content is found by its name', async (t) => {
  await t.eventually(async () => (await t.exec('consumer', 'get 1.2.3')).stdout === 'content of /1/2/3\n')
})

l.test('a name that nobody produces is dropped at the first forwarder', async (t) => {
  const before = (await t.info()).links.find(({ name }) => name === 'north-south')!.a_to_b.frames
  t.claim((await t.exec('consumer', 'get 7.7')).exitCode === 1, 'somebody answered')
  t.claim(
    (await t.info()).links.find(({ name }) => name === 'north-south')!.a_to_b.frames === before,
    'it went further',
  )
})

await run(l)
