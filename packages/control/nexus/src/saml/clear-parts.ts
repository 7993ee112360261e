/** Encrypted assertions (SAML 2.0 Core §2.3.4), read so that what they say can be looked at before the library goes by it. */
import { decryptXml } from '@node-saml/node-saml/lib/xml.js'
import { DOMParser } from '@xmldom/xmldom'

/** XML Encryption 1.1 §5.2 and §5.5, without those that are broken. SHA-1 is the digest of OAEP, which does not depend on it. */
const ALGORITHMS = new Set([
  'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
  'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  'http://www.w3.org/2000/09/xmldsig#sha1',
])

/**
 * The text of a response without what is encrypted in it, and what that says.
 * @param key PEM, of whom it is encrypted for. Rejects where it cannot be read, or should not be.
 */
export async function clearParts(xml: string, key: string | undefined): Promise<readonly string[]> {
  if (!xml.includes('EncryptedAssertion')) return [xml]
  const fail = (message: unknown): never => {
    throw new Error(String(message))
  }
  const errorHandler = { warning: () => {}, error: fail, fatalError: fail }
  const document = new DOMParser({ errorHandler }).parseFromString(xml, 'text/xml')
  const parts: string[] = []
  for (const element of Array.from(document.getElementsByTagNameNS('*', 'EncryptedAssertion'))) {
    if (key === undefined) throw new Error('it is encrypted, and there is no key to decrypt it with')
    const encrypted = element.toString()
    const algorithms = [...encrypted.matchAll(/ Algorithm="([^"]*)"/g)].map((match) => match[1]!)
    const odd = algorithms.find((name) => !ALGORITHMS.has(name))
    if (odd !== undefined) throw new Error(`it is encrypted by ${odd}`)
    parts.push(await decryptXml(encrypted, key))
    element.parentNode?.removeChild(element)
  }
  return [document.toString(), ...parts]
}
