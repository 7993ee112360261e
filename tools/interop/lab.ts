/** Two namespaces with a cable between them: ours and the other router's. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lode } from './lode.ts'
import { connect, Namespace } from './namespace.ts'

export const OURS = { ipv4: '10.99.0.1', ipv6: 'fd99::1', asn: 65000, interface: 'to-peer' } as const
export const THEIRS = { ipv4: '10.99.0.11', ipv6: 'fd99::11', asn: 65011, interface: 'to-lode' } as const

/** Where the programs of the Debian packages are. */
const PROGRAMS = {
  FRR: '/usr/lib/frr/bgpd',
  BIRD: '/usr/sbin/bird',
  GoBGP: '/usr/bin/gobgpd',
  OpenBGPD: '/usr/sbin/bgpd',
} as const

/** Why tests in namespaces cannot run here; false when they can. */
export function reasonToSkipLab(): string | false {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces'
  if (spawnSync('ip', ['netns', 'list']).status !== 0) return 'needs ip(8) and network namespaces'
  return false
}

/** Why the tests with this router cannot run here; false when they can. */
export function reasonToSkip(router: keyof typeof PROGRAMS): string | false {
  const reason = reasonToSkipLab()
  if (reason !== false) return reason
  if (!existsSync(PROGRAMS[router])) return `${router} is not installed (${PROGRAMS[router]})`
  return false
}

export class Lab {
  readonly ours: Namespace
  readonly theirs: Namespace
  readonly lode: Lode
  readonly #folder: string

  constructor(label: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'lode-interop-'))
    chmodSync(this.#folder, 0o755) // the daemons give up root
    // The folder's name is nobody else's: of a run that was killed, namespaces are left, and process ids come again.
    const id = `lsi-${this.#folder.slice(-6)}-${label.slice(0, 8).toLowerCase()}`
    this.ours = new Namespace(`${id}-a`, this.#folder)
    this.theirs = new Namespace(`${id}-b`, this.#folder)
    connect(
      { namespace: this.ours, interface: OURS.interface, addresses: [`${OURS.ipv4}/24`, `${OURS.ipv6}/64`] },
      { namespace: this.theirs, interface: THEIRS.interface, addresses: [`${THEIRS.ipv4}/24`, `${THEIRS.ipv6}/64`] },
    )
    this.lode = new Lode(this.ours)
  }

  /** After everything that ran in it was stopped. */
  remove(): void {
    this.ours.remove()
    this.theirs.remove()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
