/**
 * The secrets of the database and their key: a database remembers which key its secrets are sealed with, and is opened with no other. What
 * an older version wrote in the clear is sealed when a control plane starts.
 */
import { isSealed, SECRETS_KEY_FILE, type Secrets } from './secret-box.ts'
import { nowOf, type Service } from './service.ts'
import { allCertificates, updateCertificateKey } from './store/certificate.ts'
import { ensureFleetSetting, setFleetSetting } from './store/fleet-setting.ts'
import { allProviders, updateProviderKey } from './store/identity-provider.ts'

export function placeOfCertificate(id: string): string {
  return `certificate ${id}`
}

export function placeOfProvider(id: string): string {
  return `identity provider ${id}`
}

/** Throws an error that says what to do when the secrets of the database were sealed with another key. */
export async function openSecrets(service: Pick<Service, 'store' | 'clock'>, secrets: Secrets): Promise<void> {
  const { store } = service
  await store.transaction(async (tx) => {
    const { fingerprint } = secrets
    const present = await ensureFleetSetting(tx, 'sealing-key', { fingerprint: fingerprint ?? null }, nowOf(service))
    // because nobody else writes it
    const known = (present.value as { readonly fingerprint: string | null }).fingerprint
    if (known === (fingerprint ?? null)) return
    if (known === null) return void (await setFleetSetting(tx, 'sealing-key', { fingerprint }, nowOf(service)))
    throw new Error(
      `the secrets in the database are sealed with another key (${known}) than that of this control plane ` +
        `(${fingerprint ?? 'none'}): bring ${SECRETS_KEY_FILE} from the state directory of the one that made the database`,
    )
  })
  if (secrets.fingerprint === undefined) return
  await store.transaction(async (tx) => {
    for (const { id, key } of await allCertificates(tx)) {
      if (!isSealed(key)) await updateCertificateKey(tx, id, secrets.seal(key, placeOfCertificate(id)))
    }
    for (const { id, private_key: key } of await allProviders(tx)) {
      if (key === null || isSealed(key)) continue
      await updateProviderKey(tx, id, secrets.seal(key, placeOfProvider(id)))
    }
  })
}
