/**
 * X.509 certificates (RFC 5280) as this control plane issues them: ECDSA on P-256 with SHA-256, version 3. The library encodes, OpenSSL
 * signs; reading and checking of certificates is OpenSSL's.
 */
import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import type { Random } from '@lodestone/host'
import { pemOf } from './pem.ts'

export interface CertificateRequest {
  readonly commonName: string
  readonly publicKey: KeyObject
  readonly issuer: { readonly commonName: string; readonly key: KeyObject }
  readonly notBefore: Date
  readonly notAfter: Date
  readonly random: Random
  /** Of a server: what it is called. Of an authority: nothing. */
  readonly names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[]
}

/** RFC 5480 §2.1.1.1, RFC 5758 §3.2. */
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const COMMON_NAME = '2.5.4.3'
const CURVE = 'prime256v1'
const SERIAL_BYTES = 16

/** A private key of the host's randomness. */
export function newPrivateKey(random: Random): KeyObject {
  const ecdh = createECDH(CURVE)
  for (;;) {
    try {
      ecdh.setPrivateKey(random.bytes(32))
      break
    } catch {
      // once in 2^32: the number is not below the order of the curve
    }
  }
  const point = ecdh.getPublicKey()
  const text = (bytes: Buffer): string => bytes.toString('base64url')
  const [x, y, d] = [text(point.subarray(1, 33)), text(point.subarray(33)), text(padded(ecdh.getPrivateKey()))]
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', x, y, d }, format: 'jwk' })
}

/** @returns PEM. */
export function issueCertificate(request: CertificateRequest): string {
  const { issuer, random } = request
  const algorithm = new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 })
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(random),
    signature: algorithm,
    issuer: nameOf(issuer.commonName),
    validity: new Validity({ notBefore: request.notBefore, notAfter: request.notAfter }),
    subject: nameOf(request.commonName),
    subjectPublicKeyInfo: AsnConvert.parse(spki(request.publicKey), SubjectPublicKeyInfo),
    extensions: extensionsOf(request),
  })
  const signatureValue = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), issuer.key)
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: bufferOf(signatureValue),
  })
  return pemOf('CERTIFICATE', Buffer.from(AsnConvert.serialize(certificate)))
}

function extensionsOf({ names, publicKey, issuer }: CertificateRequest): Extensions {
  const isAuthority = names.length === 0
  const usage = isAuthority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature
  const own = keyIdentifier(publicKey)
  const signer = new AuthorityKeyIdentifier({
    keyIdentifier: new KeyIdentifier(keyIdentifier(createPublicKey(issuer.key))),
  })
  const extensions = [
    extension(
      id_ce_basicConstraints,
      new BasicConstraints(isAuthority ? { cA: true, pathLenConstraint: 0 } : {}),
      true,
    ),
    extension(id_ce_keyUsage, new KeyUsage(usage), true),
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(own)),
    extension(id_ce_authorityKeyIdentifier, signer),
  ]
  if (!isAuthority) {
    const general = names.map(
      ({ type, value }) => new GeneralName(type === 'dns' ? { dNSName: value } : { iPAddress: value }),
    )
    extensions.push(extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])))
    extensions.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(general)))
  }
  return new Extensions(extensions)
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName })
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])])
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets. */
function serialNumber(random: Random): ArrayBuffer {
  const bytes = random.bytes(SERIAL_BYTES)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bufferOf(bytes)
}

/** RFC 7093 §2 method 1. */
function keyIdentifier(key: KeyObject): ArrayBuffer {
  return bufferOf(createHash('sha256').update(spki(key)).digest().subarray(0, 20))
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

function padded(scalar: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(32 - scalar.length), scalar])
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
