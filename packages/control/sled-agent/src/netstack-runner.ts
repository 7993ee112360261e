/**
 * Runs instances as the embedded guest: a TCP/IP host on the instance's NICs that configures itself, and runs either the
 * module that came as `user_data`, or a web server that says who it is and a shell on the serial console.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import { Guest as NetstackGuest, shellCommand } from '@lodestone/netstack'
import type { Tracer } from '@lodestone/probe'
import type { Guest, GuestSpec, InstanceRunner } from './instance-runner.ts'
import { isGuestModule, ModuleGuest } from './module-guest/module-guest.ts'

export interface NetstackRunnerOptions {
  readonly arena: Arena
  readonly clock: Clock
  readonly random: Random
  readonly tracer: Tracer
}

/** A module that listens before it has an address would only confuse: it starts with the lease, or after this long. */
const LEASE_WAIT_MS = 2000

/** What runs on the guest. */
interface Program {
  input(bytes: Uint8Array): void
  stop(): void
}

export class NetstackRunner implements InstanceRunner {
  readonly kind = 'netstack'
  readonly #options: NetstackRunnerOptions

  constructor(options: NetstackRunnerOptions) {
    this.#options = options
  }

  async start(spec: GuestSpec): Promise<Guest> {
    // The packet engine answers for everybody else, so there are no duplicates to detect behind it.
    const guest = new NetstackGuest({ ...this.#options, name: spec.hostname, nics: spec.nics, isManagedNetwork: true })
    const text = new TextDecoder().decode(spec.userData)
    const program = isGuestModule(text) ? await runModule(spec, guest, text) : await runDefault(spec, guest)
    const { network } = guest
    const { clock } = this.#options
    return {
      input: (bytes) => program.input(bytes),
      exec: (command, how) => shellCommand({ network, clock, hostName: spec.hostname, command, ...how }),
      observeTcp: (observer) => network.observeTcp(observer),
      stop() {
        program.stop()
        guest.close()
      },
    }
  }
}

async function runModule(spec: GuestSpec, guest: NetstackGuest, source: string): Promise<Program> {
  const { network } = guest
  await guest.configured(LEASE_WAIT_MS)
  return new ModuleGuest({
    hostname: spec.hostname,
    addresses: network.interfaces().flatMap((each) => each.addresses.map((ip) => ip.toString())),
    source,
    network,
    print: (bytes) => spec.console.write(bytes),
  })
}

async function runDefault(spec: GuestSpec, guest: NetstackGuest): Promise<Program> {
  let typed: (bytes: Uint8Array) => void = () => undefined
  const console = {
    write: (bytes: Uint8Array) => spec.console.write(bytes),
    onInput(fn: (bytes: Uint8Array) => void) {
      typed = fn
      return () => undefined
    },
  }
  await guest.runProgram({ console })
  return { input: (bytes) => typed(bytes), stop: () => undefined }
}
