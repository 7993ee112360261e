/**
 * What a service provider needs from an identity provider's metadata (SAML 2.0 Metadata §2.4): what it is called, where its users log in
 * by a redirect, and the certificates that it signs with. The document is the operator's; what is wrong with it is told.
 */
import { X509Certificate } from 'node:crypto'
import { DOMParser } from '@xmldom/xmldom'
import { pemOf } from '../tls/pem.ts'

export interface IdpMetadata {
  readonly entityId: string
  /** Where the browser goes with a request. */
  readonly ssoUrl: string
  /** PEM, at least one. */
  readonly signingCertificates: readonly string[]
}

export type IdpMetadataResult =
  | { readonly ok: true; readonly metadata: IdpMetadata }
  | { readonly ok: false; readonly message: string }

export const MAX_METADATA_BYTES = 1 << 20

const MD = 'urn:oasis:names:tc:SAML:2.0:metadata'
const DS = 'http://www.w3.org/2000/09/xmldsig#'
const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol'
const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'

export function parseIdpMetadata(xml: string): IdpMetadataResult {
  const root = rootOf(xml)
  if (typeof root === 'string') return refused(root)
  if (root.namespaceURI !== MD || root.localName !== 'EntityDescriptor') {
    return refused(`the document is a ${root.nodeName}, not an EntityDescriptor of SAML 2.0`)
  }
  const entityId = root.getAttribute('entityID') ?? ''
  if (entityId === '') return refused('EntityDescriptor has no entityID')
  const roles = children(root, MD, 'IDPSSODescriptor')
  const role = roles.find((each) =>
    (each.getAttribute('protocolSupportEnumeration') ?? '').split(/\s+/).includes(PROTOCOL),
  )
  if (role === undefined) return refused('there is no IDPSSODescriptor for SAML 2.0')
  const services = children(role, MD, 'SingleSignOnService')
  const location = services.find((each) => each.getAttribute('Binding') === REDIRECT)?.getAttribute('Location') ?? ''
  if (location === '') return refused('there is no SingleSignOnService with the binding HTTP-Redirect')
  if (!isWebUrl(location)) return refused(`SingleSignOnService is at "${location}", which is no http or https URL`)
  const signingCertificates: string[] = []
  for (const key of children(role, MD, 'KeyDescriptor')) {
    const use = key.getAttribute('use') ?? ''
    if (use !== '' && use !== 'signing') continue // absent: for everything (§2.4.1.1)
    for (const element of descendants(key, DS, 'X509Certificate')) {
      const pem = pemOf('CERTIFICATE', Buffer.from(element.textContent ?? '', 'base64'))
      if (!isCertificate(pem)) return refused('an X509Certificate of a KeyDescriptor is no certificate')
      signingCertificates.push(pem)
    }
  }
  if (signingCertificates.length === 0) return refused('there is no certificate to verify signatures with')
  return { ok: true, metadata: { entityId, ssoUrl: location, signingCertificates } }
}

export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function refused(message: string): IdpMetadataResult {
  return { ok: false, message }
}

/** The document's element, or what is wrong. The parser follows no reference to anything outside. */
function rootOf(xml: string): Element | string {
  if (/<!DOCTYPE/i.test(xml)) return 'the document has a DOCTYPE, which metadata has no use for'
  let problem: string | undefined
  const note = (message: unknown): void => {
    problem ??= String(message).split('\n')[0]!
  }
  const errorHandler = { warning: () => {}, error: note, fatalError: note }
  try {
    const document = new DOMParser({ errorHandler }).parseFromString(xml, 'text/xml')
    const root = document?.documentElement ?? null
    if (problem === undefined && root !== null) return root
  } catch (error) {
    note(error instanceof Error ? error.message : error)
  }
  return `it is not well-formed XML: ${problem ?? 'there is no element'}`
}

function children(parent: Element, namespace: string, name: string): Element[] {
  return descendants(parent, namespace, name).filter((element) => element.parentNode === parent)
}

function descendants(parent: Element, namespace: string, name: string): Element[] {
  return Array.from(parent.getElementsByTagNameNS(namespace, name))
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).publicKey !== undefined
  } catch {
    return false
  }
}
