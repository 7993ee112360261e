/** For tests: several sleds whose underlay delivers what they send each other. */
import type { Ip } from '@lodestone/net'
import { outerDstOf } from './frame-fixture.ts'
import { onTheWire, SledFixture } from './sled-fixture.ts'

export class SledsFixture {
  readonly sleds: readonly SledFixture[]
  /** What was sent to an address that is no sled's. */
  readonly elsewhere: Uint8Array[] = []

  constructor(addresses: readonly Ip[], options: ConstructorParameters<typeof SledFixture>[0] = {}) {
    this.sleds = addresses.map((underlayAddress) => new SledFixture({ ...options, underlayAddress }))
  }

  /** Carries frames until none is on its way. */
  async settle(): Promise<void> {
    for (let isBusy = true; isBusy;) {
      isBusy = false
      for (const sled of this.sleds) {
        await sled.settle()
        for (const sent of sled.takeSent()) {
          isBusy = true
          const to = this.sleds.find((each) => each.address.toString() === outerDstOf(sent))
          if (to === undefined) this.elsewhere.push(sent)
          else to.receive(onTheWire(sent))
        }
      }
    }
  }
}
