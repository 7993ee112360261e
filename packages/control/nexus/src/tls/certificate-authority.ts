/**
 * A certificate authority of one rack, for those who have no other: its certificate is given to clients once, and every name of the rack
 * is believed from then on. Key and certificate are two files, made on the first start; what it issues lives in memory, for 90 days.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Clock, Files, Random, TlsIdentity } from '@lodestone/host'

export const CA_CERTIFICATE_FILE = 'ca.crt'
export const CA_KEY_FILE = 'ca.key'

const DAY_MS = 86_400_000
const AUTHORITY_MS = 3650 * DAY_MS
const LEAF_MS = 90 * DAY_MS
/** An authority is replaced when it could not outlive what it issues. */
export const AUTHORITY_RENEW_MS = LEAF_MS
/** A certificate is replaced when it has less than this left. */
const RENEW_BEFORE_MS = 30 * DAY_MS
/** Clocks of clients may be behind. */
const BACKDATED_MS = 3_600_000

export interface ServerName {
  readonly type: 'dns' | 'ip'
  readonly value: string
}

interface Issued {
  readonly identity: TlsIdentity
  readonly notAfterMs: number
}

export class CertificateAuthority {
  readonly #files: Files
  #parsed: X509Certificate
  #key: KeyObject
  readonly #clock: Clock
  readonly #random: Random
  readonly #issued = new Map<string, Issued>()

  /**
   * The authority in `files`, which should be readable by the owner only. It is made where there is none, or where it has expired.
   * Throws an error that says what is wrong with files that are there.
   */
  static async open(files: Files, clock: Clock, random: Random): Promise<CertificateAuthority> {
    const [cert, key] = await Promise.all([files.read(CA_CERTIFICATE_FILE), files.read(CA_KEY_FILE)])
    if (cert !== undefined && key !== undefined) {
      const authority = new CertificateAuthority(files, parsePair(textOf(cert), textOf(key)), clock, random)
      if (Date.parse(authority.#parsed.validTo) - clock.wallMs() > AUTHORITY_RENEW_MS) return authority
    } else if (cert !== undefined) {
      throw new Error(`${CA_CERTIFICATE_FILE} is there without ${CA_KEY_FILE}: bring the key back, or remove both`)
    }
    const { certificate, keyPem } = await CertificateAuthority.#make(clock, random)
    const made = new CertificateAuthority(files, parsePair(certificate, keyPem), clock, random)
    await made.#write()
    return made
  }

  static async #make(clock: Clock, random: Random): Promise<{ certificate: string; keyPem: string }> {
    const { issueCertificate, newPrivateKey } = await import('./x509.ts')
    const key = newPrivateKey(random)
    const commonName = `Lodestone rack ${Buffer.from(random.bytes(4)).toString('hex')}`
    const now = clock.wallMs()
    const certificate = issueCertificate({
      commonName,
      publicKey: createPublicKey(key),
      issuer: { commonName, key },
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + AUTHORITY_MS),
      random,
      names: [],
    })
    return { certificate, keyPem: pemOfKey(key) }
  }

  private constructor(files: Files, { parsed, key }: Pair, clock: Clock, random: Random) {
    this.#files = files
    this.#parsed = parsed
    this.#key = key
    this.#clock = clock
    this.#random = random
  }

  /** PEM, for clients. */
  get certificate(): string {
    return this.#parsed.toString()
  }

  /** PEM, for whoever shares it. */
  get keyPem(): string {
    return pemOfKey(this.#key)
  }

  /** Becomes the authority that others are already; its files are replaced. */
  async adopt(certificate: string, keyPem: string): Promise<void> {
    const { parsed, key } = parsePair(certificate, keyPem)
    this.#parsed = parsed
    this.#key = key
    this.#issued.clear()
    await this.#write()
  }

  async #write(): Promise<void> {
    // The key first: a certificate without its key could be handed out and would be of no use.
    await this.#files.write(CA_KEY_FILE, Buffer.from(this.keyPem))
    await this.#files.write(CA_CERTIFICATE_FILE, Buffer.from(this.certificate))
  }

  /** A certificate for these names, the first of which is its subject; the same one until it is time for another. */
  async identityFor(names: readonly [ServerName, ...ServerName[]]): Promise<TlsIdentity> {
    // Loaded with the first certificate: what encodes them is big, and an authority that is there needs none to begin with.
    const { issueCertificate, newPrivateKey } = await import('./x509.ts')
    const id = names.map(({ type, value }) => `${type}:${value}`).join()
    const now = this.#clock.wallMs()
    const known = this.#issued.get(id)
    if (known !== undefined && known.notAfterMs - now > RENEW_BEFORE_MS) return known.identity
    const key = newPrivateKey(this.#random)
    const notAfterMs = now + LEAF_MS
    const cert = issueCertificate({
      commonName: names[0].value.slice(0, 64), // X.520: what a common name may hold
      publicKey: createPublicKey(key),
      issuer: { commonName: /^CN=(.*)$/m.exec(this.#parsed.subject)?.[1] ?? '', key: this.#key },
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(notAfterMs),
      random: this.#random,
      names,
    })
    const identity = { cert, key: pemOfKey(key) }
    this.#issued.set(id, { identity, notAfterMs })
    return identity
  }
}

interface Pair {
  readonly parsed: X509Certificate
  readonly key: KeyObject
}

function parsePair(certificate: string, keyPem: string): Pair {
  let parsed: X509Certificate
  let key: KeyObject
  try {
    parsed = new X509Certificate(certificate)
    key = createPrivateKey(keyPem)
  } catch (error) {
    const { message } = error as Error
    throw new Error(`${CA_CERTIFICATE_FILE} and ${CA_KEY_FILE} are no certificate and key: ${message}`, {
      cause: error,
    })
  }
  if (!parsed.ca || !parsed.checkPrivateKey(key)) {
    throw new Error(`${CA_CERTIFICATE_FILE} is no authority's certificate for ${CA_KEY_FILE}`)
  }
  return { parsed, key }
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
