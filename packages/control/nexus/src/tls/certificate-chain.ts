/**
 * Whether an operator's certificate can serve a silo: a chain in PEM, leaf first, each issued by the next; a key that is the leaf's; a
 * leaf that is in force, is for servers, and covers the silo's name. What is wrong is told with the place where it is.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

export interface ChainProblem {
  readonly field: 'cert' | 'key'
  readonly message: string
}

/** RFC 5280 §4.2.1.12. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY_USE = '2.5.29.37.0'
/** What OpenSSL serves with at its usual level of security. */
const MIN_RSA_BITS = 2048
const MAX_CERTIFICATES = 16

const BLOCK = /-----BEGIN ([^-]+)-----[\s\S]*?-----END \1-----/g

/** @param hostname the name that clients will ask for; undefined where the rack has no zone. */
export function checkChain(
  { cert, key }: { readonly cert: string; readonly key: string },
  hostname: string | undefined,
  now: Date,
): ChainProblem | undefined {
  const parsed = parseChain(cert)
  if (typeof parsed === 'string') return { field: 'cert', message: parsed }
  const leaf = parsed[0]!
  const problem = orderProblem(parsed) ?? leafProblem(leaf, hostname, now)
  if (problem !== undefined) return { field: 'cert', message: problem }
  const keyProblem = privateKeyProblem(key, leaf)
  return keyProblem === undefined ? undefined : { field: 'key', message: keyProblem }
}

/** When the first certificate of a chain that was checked is in force. */
export function validityOf(cert: string): { readonly fromMs: number; readonly toMs: number } {
  const { validFrom, validTo } = new X509Certificate(cert)
  return { fromMs: Date.parse(validFrom), toMs: Date.parse(validTo) }
}

/** At least one certificate, or what is wrong. */
function parseChain(text: string): X509Certificate[] | string {
  const blocks = [...text.matchAll(BLOCK)]
  if (blocks.length === 0) return 'it has no PEM block (-----BEGIN CERTIFICATE-----)'
  if (blocks.length > MAX_CERTIFICATES) return `it has ${blocks.length} blocks, at most ${MAX_CERTIFICATES} are taken`
  const chain: X509Certificate[] = []
  for (const [index, [block, label]] of blocks.entries()) {
    const where = `block ${index + 1} of ${blocks.length}`
    if (label !== 'CERTIFICATE') return `${where} is a ${label}, not a CERTIFICATE`
    try {
      chain.push(new X509Certificate(block))
    } catch {
      return `${where} is not an X.509 certificate`
    }
  }
  return chain
}

function orderProblem(chain: readonly X509Certificate[]): string | undefined {
  for (let i = 0; i + 1 < chain.length; i++) {
    const issuer = chain[i + 1]!
    if (chain[i]!.checkIssued(issuer) && chain[i]!.verify(issuer.publicKey)) continue
    return `certificate ${i + 1} was not issued by certificate ${i + 2}: the leaf comes first, then its issuers in order`
  }
  return undefined
}

function leafProblem(leaf: X509Certificate, hostname: string | undefined, now: Date): string | undefined {
  if (leaf.ca) return 'certificate 1 is of an authority, not of a server'
  if (Date.parse(leaf.validTo) <= now.getTime()) return `certificate 1 expired at ${iso(leaf.validTo)}`
  if (Date.parse(leaf.validFrom) > now.getTime()) return `certificate 1 is not valid before ${iso(leaf.validFrom)}`
  // Absent: for everything. Node's types lack the absent case.
  const uses: readonly string[] = leaf.keyUsage ?? []
  if (uses.length > 0 && !uses.includes(SERVER_AUTH) && !uses.includes(ANY_USE)) {
    return 'certificate 1 is not for TLS servers (extended key usage)'
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey
  const bits = asymmetricKeyDetails?.modulusLength
  if (asymmetricKeyType?.startsWith('rsa') === true && bits !== undefined && bits < MIN_RSA_BITS) {
    return `certificate 1 has an RSA key of ${bits} bits, at least ${MIN_RSA_BITS} are needed`
  }
  if (hostname !== undefined && leaf.checkHost(hostname, { subject: 'never' }) === undefined) {
    return `certificate 1 is for ${leaf.subjectAltName ?? 'no names'}, not for ${hostname}`
  }
  return undefined
}

function privateKeyProblem(text: string, leaf: X509Certificate): string | undefined {
  let key: KeyObject
  try {
    key = createPrivateKey(text)
  } catch {
    return 'it is not an unencrypted private key in PEM'
  }
  return leaf.checkPrivateKey(key) ? undefined : 'it is not the key of certificate 1'
}

function iso(date: string): string {
  return new Date(Date.parse(date)).toISOString()
}
