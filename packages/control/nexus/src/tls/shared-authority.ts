/**
 * One certificate authority for all control planes of a database, so that clients have one to believe: the first brings its own, the others
 * take that one over. Its key is in the database, sealed.
 */
import { X509Certificate } from 'node:crypto'
import type { Secrets } from '../secret-box.ts'
import { nowOf, type Service } from '../service.ts'
import { ensureFleetSetting, setFleetSetting } from '../store/fleet-setting.ts'
import { AUTHORITY_RENEW_MS, type CertificateAuthority } from './certificate-authority.ts'

const PLACE = 'certificate authority'

interface SharedAuthority {
  readonly certificate: string
  readonly key: string
}

export async function shareAuthority(
  service: Pick<Service, 'store' | 'clock'>,
  secrets: Secrets,
  authority: CertificateAuthority,
): Promise<void> {
  const now = nowOf(service)
  const own = { certificate: authority.certificate, key: secrets.seal(authority.keyPem, PLACE) }
  const shared = await service.store.transaction(async (tx) => {
    // because nobody else writes it
    const present = (await ensureFleetSetting(tx, 'authority', own, now)).value as SharedAuthority
    const leftMs = Date.parse(new X509Certificate(present.certificate).validTo) - now.getTime()
    if (leftMs > AUTHORITY_RENEW_MS) return present
    // The own one is younger: it was looked at when it was opened.
    await setFleetSetting(tx, 'authority', own, now)
    return own
  })
  if (shared.certificate === authority.certificate) return
  await authority.adopt(shared.certificate, secrets.open(shared.key, PLACE))
}
