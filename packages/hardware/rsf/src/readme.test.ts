import assert from 'node:assert/strict'
import test from 'node:test'
import { loadGenerated, RUNTIME } from './generate/load-generated.fixture.ts'
import {
  bits,
  compile,
  generateClient,
  lookupAddress,
  renderAddressMap,
  type Bits,
  type RegisterFile,
} from './index.ts'

const text = `/// A fan controller.
block Main {
    /// Two fans.
    fans: Fan[2; 0x4] @ 0x10,
}

/// One fan.
register<32> Fan reset<0x40> {
    /// 255 is full speed.
    duty: rw b8 @ 0,
    /// Turns a minute.
    speed: ro b16 @ 16,
}
`

/** What the generated source exports, as far as the example uses it. */
interface Fans {
  fansSimulation(): { readonly platform: RegisterFile; readonly device: { fans(index: number): SimulatedFan } }
  fansClient(platform: RegisterFile): {
    fans(index: number): {
      read(): { readonly speed: Bits<16> }
      update(change: { readonly duty: number }): void
    }
  }
}

interface SimulatedFan {
  onWrite(hook: (write: { readonly after: { readonly duty: number } }) => void): void
  update(change: (fan: { speed: Bits<16> }) => void): void
}

test('the README example does what it says', async () => {
  const { specification, diagnostics } = compile('fans.rsf', () => text)
  assert.deepEqual(diagnostics, [])
  assert.ok(specification !== undefined)
  assert.equal(renderAddressMap(specification), '0x0010: fans/0\n0x0014: fans/1\n')
  assert.equal(lookupAddress(specification, 0x16)?.path, 'fans/1')
  const broken = compile('fans.rsf', () => text.replace('@ 16', '@ 4'))
  assert.equal(broken.diagnostics[0]?.message, 'field speed (bits 19:4) overlaps duty')

  const source = generateClient(specification, { runtime: RUNTIME })
  // Because the names are those of the text above.
  const { fansSimulation, fansClient } = (await loadGenerated(source)) as unknown as Fans
  const { platform, device } = fansSimulation()
  device.fans(1).onWrite(({ after }) => {
    device.fans(1).update((fan) => (fan.speed = bits(16, after.duty * 40)))
  })
  const client = fansClient(platform)
  client.fans(1).update({ duty: 200 })
  assert.equal(client.fans(1).read().speed, 8000)
})
