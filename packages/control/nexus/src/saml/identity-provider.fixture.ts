/** For tests: an identity provider that reads real requests and answers with assertions it has really signed, or with what a forger would. */
import {
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { SignedXml } from 'xml-crypto'
import { SeededRandom } from '@lodestone/host'
import { issueCertificate, newPrivateKey } from '../tls/x509.ts'

const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'
const SHA256 = {
  signature: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  digest: 'http://www.w3.org/2001/04/xmlenc#sha256',
}
const SHA1 = {
  signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  digest: 'http://www.w3.org/2000/09/xmldsig#sha1',
}

export interface AuthnRequest {
  readonly id: string
  readonly issuer: string
  readonly acsUrl: string
  readonly issueInstant: string
  readonly relayState: string | null
  /** The query that a signature covers (SAML 2.0 Bindings §3.4.4.1). */
  readonly signed: string
  readonly signature: string | null
}

export interface Answer {
  readonly request: AuthnRequest
  readonly nowMs: number
  readonly nameId: string
  readonly attributes?: Readonly<Record<string, readonly string[]>>
  readonly audience?: string
  readonly recipient?: string
  readonly issuer?: string
  /** Null: it answers nothing. */
  readonly inResponseTo?: string | null
  readonly notBeforeMs?: number
  readonly notOnOrAfterMs?: number
  readonly sign?: 'assertion' | 'response' | 'both' | 'none'
  readonly isSha1?: boolean
  /** The assertion is encrypted for this key, PEM; the response is signed around that, the assertion within. */
  readonly encryptFor?: { readonly publicKey: string; readonly algorithm?: string }
}

export class TestIdentityProvider {
  readonly entityId: string
  readonly #key: string
  readonly #certificate: string

  constructor(entityId: string, seed: number) {
    this.entityId = entityId
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    this.#key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const random = new SeededRandom(seed)
    this.#certificate = issueCertificate({
      commonName: 'idp',
      publicKey,
      issuer: { commonName: 'idp', key: newPrivateKey(random) },
      notBefore: new Date(0),
      notAfter: new Date(Date.UTC(2100, 0, 1)),
      random,
      names: [{ type: 'dns', value: 'idp.example' }],
    })
  }

  get metadata(): string {
    const der = this.#certificate.replace(/-----[^-]+-----|\s/g, '')
    return `<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>
      <ds:X509Certificate>${der}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/post"/>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso?app=7"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
  }

  /** The form that the browser takes back. */
  answer(options: Answer): URLSearchParams {
    const xml = this.response(options)
    const form = new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64') })
    const { relayState } = options.request
    if (relayState !== null) form.set('RelayState', relayState)
    return form
  }

  response(options: Answer): string {
    const { sign = 'assertion', isSha1 = false, nowMs } = options
    const inResponseTo = options.inResponseTo === undefined ? options.request.id : options.inResponseTo
    const answering = inResponseTo === null ? '' : ` InResponseTo="${inResponseTo}"`
    const xml = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="${at(nowMs)}"${answering}><saml:Issuer>${options.issuer ?? this.entityId}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>${this.assertion(options)}</samlp:Response>`
    const signed = sign === 'assertion' || sign === 'both' ? this.#sign(xml, 'Assertion', isSha1) : xml
    const { encryptFor } = options
    const first =
      encryptFor === undefined ? signed : signed.replace(ASSERTION, (assertion) => encrypted(assertion, encryptFor))
    return sign === 'response' || sign === 'both' ? this.#sign(first, 'Response', isSha1) : first
  }

  assertion(options: Answer): string {
    const { request, nowMs, nameId, attributes = {} } = options
    const inResponseTo = options.inResponseTo === undefined ? request.id : options.inResponseTo
    const answering = inResponseTo === null ? '' : ` InResponseTo="${inResponseTo}"`
    const notBefore = at(options.notBeforeMs ?? nowMs - 60_000)
    const notOnOrAfter = at(options.notOnOrAfterMs ?? nowMs + 300_000)
    const statements = Object.entries(attributes).map(
      ([name, values]) =>
        `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
    )
    return [
      `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_assertion" Version="2.0" IssueInstant="${at(nowMs)}">`,
      `<saml:Issuer>${options.issuer ?? this.entityId}</saml:Issuer>`,
      `<saml:Subject><saml:NameID>${nameId}</saml:NameID>`,
      `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`,
      `<saml:SubjectConfirmationData NotOnOrAfter="${notOnOrAfter}" Recipient="${options.recipient ?? request.acsUrl}"${answering}/>`,
      `</saml:SubjectConfirmation></saml:Subject>`,
      `<saml:Conditions NotBefore="${notBefore}" NotOnOrAfter="${notOnOrAfter}"><saml:AudienceRestriction>`,
      `<saml:Audience>${options.audience ?? request.issuer}</saml:Audience></saml:AudienceRestriction></saml:Conditions>`,
      `<saml:AuthnStatement AuthnInstant="${at(nowMs)}"><saml:AuthnContext><saml:AuthnContextClassRef>`,
      `urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
      ...(statements.length === 0 ? [] : [`<saml:AttributeStatement>${statements.join('')}</saml:AttributeStatement>`]),
      `</saml:Assertion>`,
    ].join('')
  }

  #sign(xml: string, element: 'Assertion' | 'Response', isSha1: boolean): string {
    const { signature, digest } = isSha1 ? SHA1 : SHA256
    const signer = new SignedXml({
      privateKey: this.#key,
      publicCert: this.#certificate,
      signatureAlgorithm: signature,
      canonicalizationAlgorithm: C14N,
    })
    const xpath = `//*[local-name(.)='${element}']`
    signer.addReference({ xpath, transforms: [ENVELOPED, C14N], digestAlgorithm: digest })
    const reference = `${xpath}/*[local-name(.)='Issuer']`
    signer.computeSignature(xml, { location: { reference, action: 'after' } })
    return signer.getSignedXml()
  }
}

const ASSERTION = /<saml:Assertion [\s\S]*<\/saml:Assertion>/
const XENC = 'http://www.w3.org/2001/04/xmlenc#'
const AES_GCM = 'http://www.w3.org/2009/xmlenc11#aes256-gcm'

/** XML Encryption of one element: AES-256-GCM, its key by RSA-OAEP. */
function encrypted(xml: string, { publicKey, algorithm = AES_GCM }: NonNullable<Answer['encryptFor']>): string {
  const key = randomBytes(32)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const data = Buffer.concat([nonce, cipher.update(xml, 'utf8'), cipher.final(), cipher.getAuthTag()])
  const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, key)
  return [
    `<saml:EncryptedAssertion><xenc:EncryptedData xmlns:xenc="${XENC}" Type="${XENC}Element">`,
    `<xenc:EncryptionMethod Algorithm="${algorithm}"/><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">`,
    `<xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="${XENC}rsa-oaep-mgf1p">`,
    `<DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/></xenc:EncryptionMethod>`,
    `<xenc:CipherData><xenc:CipherValue>${wrapped.toString('base64')}</xenc:CipherValue></xenc:CipherData>`,
    `</xenc:EncryptedKey></KeyInfo>`,
    `<xenc:CipherData><xenc:CipherValue>${data.toString('base64')}</xenc:CipherValue></xenc:CipherData>`,
    `</xenc:EncryptedData></saml:EncryptedAssertion>`,
  ].join('')
}

/** What a redirect asks of the identity provider. */
export function readAuthnRequest(location: string): AuthnRequest {
  const { searchParams } = new URL(location)
  const xml = inflateRawSync(Buffer.from(searchParams.get('SAMLRequest') ?? '', 'base64')).toString()
  const attribute = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(xml)?.[1] ?? ''
  const parts = ['SAMLRequest', 'RelayState', 'SigAlg'].filter((name) => searchParams.has(name))
  return {
    id: attribute('ID'),
    issuer: /<saml:Issuer[^>]*>([^<]*)</.exec(xml)?.[1] ?? '',
    acsUrl: attribute('AssertionConsumerServiceURL'),
    issueInstant: attribute('IssueInstant'),
    relayState: searchParams.get('RelayState'),
    signed: parts.map((name) => `${name}=${encodeURIComponent(searchParams.get(name)!)}`).join('&'),
    signature: searchParams.get('Signature'),
  }
}

/** @param certificate PEM. */
export function isSignedBy(request: AuthnRequest, certificate: string): boolean {
  if (request.signature === null) return false
  const signature = Buffer.from(request.signature, 'base64')
  return verify('sha256', Buffer.from(request.signed), createPublicKey(certificate), signature)
}

function at(ms: number): string {
  return new Date(ms).toISOString()
}
