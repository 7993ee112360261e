/**
 * Which certificate a client is shown, by the name it asks for: that of the silo whose name it is. What operators gave comes before what
 * the rack's own authority issues. The store is asked for each connection, so what was written is in force with the next one, whichever
 * control plane wrote it.
 */
import type { Clock, TlsIdentity } from '@lodestone/host'
import type { Inventory } from '../inventory.ts'
import { placeOfCertificate } from '../sealed-store.ts'
import type { Secrets } from '../secret-box.ts'
import { siloHostname, siloOfHostname } from '../silo-name.ts'
import { certificatesOfSilo } from '../store/certificate.ts'
import { siloByLabel, siloByRef } from '../store/silo.ts'
import type { Store } from '../store/store.ts'
import type { CertificateAuthority, ServerName } from './certificate-authority.ts'
import { validityOf } from './certificate-chain.ts'

export interface SiloCertificatesOptions {
  readonly store: Store
  readonly clock: Clock
  readonly secrets: Secrets
  readonly inventory: Inventory
  /** Whose certificate clients get that name no silo. */
  readonly defaultSilo: string
  readonly authority: CertificateAuthority | undefined
}

/** What people type who know no names of the rack. */
const LOCAL_NAMES: readonly ServerName[] = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
]

export class SiloCertificates {
  readonly #options: SiloCertificatesOptions

  constructor(options: SiloCertificatesOptions) {
    this.#options = options
  }

  /** Undefined: there is nothing to show, neither an operator's nor an authority. */
  async identityFor(serverName: string | undefined): Promise<TlsIdentity | undefined> {
    const { store, inventory, defaultSilo, authority } = this.#options
    const named = siloOfHostname(serverName, inventory.dnsZone)
    const silo = named === undefined ? undefined : await siloByLabel(store.db, named)
    if (silo !== undefined) {
      const given = await this.#given(silo.id)
      if (given !== undefined) return given
      const value = siloHostname(silo.name, inventory.dnsZone)
      if (authority === undefined || value === undefined) return undefined
      return authority.identityFor([{ type: 'dns', value }])
    }
    const fallback = await siloByRef(store.db, defaultSilo)
    const given = fallback === undefined ? undefined : await this.#given(fallback.id)
    if (given !== undefined || authority === undefined) return given
    return authority.identityFor(this.#defaultNames())
  }

  /** Of the operator's certificates that are in force, the one that is longest. */
  async #given(siloId: string): Promise<TlsIdentity | undefined> {
    const now = this.#options.clock.wallMs()
    let best: TlsIdentity | undefined
    let bestToMs = now
    const { secrets } = this.#options
    for (const { id, cert, key } of await certificatesOfSilo(this.#options.store.db, siloId)) {
      const { fromMs, toMs } = validityOf(cert)
      if (fromMs > now || toMs <= bestToMs) continue
      best = { cert, key: secrets.open(key, placeOfCertificate(id)) }
      bestToMs = toMs
    }
    return best
  }

  #defaultNames(): readonly [ServerName, ...ServerName[]] {
    const { inventory, defaultSilo } = this.#options
    const name = siloHostname(defaultSilo, inventory.dnsZone) ?? defaultSilo
    const external = (inventory.services ?? []).filter(({ kind }) => kind === 'api')
    const addresses = external.map(({ externalAddress }): ServerName => ({ type: 'ip', value: externalAddress }))
    return [{ type: 'dns', value: name }, ...LOCAL_NAMES, ...addresses]
  }
}
