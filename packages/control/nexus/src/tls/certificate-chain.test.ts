import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { before, test } from 'node:test'
import { MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { CertificateAuthority } from './certificate-authority.ts'
import { checkChain } from './certificate-chain.ts'
import { issueCertificate, newPrivateKey } from './x509.ts'

const DAY_MS = 86_400_000
const HOST = 'eng.sys.rack.example'
const random = new SeededRandom(5)
const clock = new VirtualClock()
const now = new Date(clock.wallMs())
let authority: CertificateAuthority
let good: { cert: string; key: string }

before(async () => {
  authority = await CertificateAuthority.open(new MemoryFiles(), clock, random)
  good = await authority.identityFor([{ type: 'dns', value: HOST }])
})

/** Self-signed, unless the subject's key is given. */
function issue(options: { names?: string[]; from?: number; to?: number; publicKey?: KeyObject } = {}): {
  cert: string
  key: string
} {
  const key = newPrivateKey(random)
  const cert = issueCertificate({
    commonName: HOST,
    publicKey: options.publicKey ?? createPublicKey(key),
    issuer: { commonName: HOST, key },
    notBefore: new Date(now.getTime() + (options.from ?? -1) * DAY_MS),
    notAfter: new Date(now.getTime() + (options.to ?? 90) * DAY_MS),
    random,
    names: (options.names ?? [HOST]).map((value) => ({ type: 'dns', value })),
  })
  return { cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

const problemOf = (chain: { cert: string; key: string }): string => {
  const problem = checkChain(chain, HOST, now)
  return problem === undefined ? 'none' : `${problem.field}: ${problem.message}`
}

test('a leaf with its issuers in order and its key is taken, and so are wildcards and text between the blocks', () => {
  assert.equal(problemOf(good), 'none')
  assert.equal(problemOf({ ...good, cert: `Subject: x\n${good.cert}\n${authority.certificate}` }), 'none')
  assert.equal(problemOf(issue({ names: ['*.sys.rack.example', 'rack.example'] })), 'none')
  assert.equal(checkChain(issue({ names: ['any.example'] }), undefined, now), undefined)
})

test('what is wrong with a chain is told with the place', () => {
  const cut = good.cert.replace(/\n.{20}/, '\n')
  assert.equal(problemOf({ ...good, cert: 'hello' }), 'cert: it has no PEM block (-----BEGIN CERTIFICATE-----)')
  assert.equal(problemOf({ ...good, cert: cut }), 'cert: block 1 of 1 is not an X.509 certificate')
  assert.equal(
    problemOf({ ...good, cert: good.cert + good.key }),
    'cert: block 2 of 2 is a PRIVATE KEY, not a CERTIFICATE',
  )
  assert.match(problemOf({ ...good, cert: good.cert.repeat(17) }), /^cert: it has 17 blocks/)
  assert.match(
    problemOf({ ...good, cert: authority.certificate + good.cert }),
    /^cert: certificate 1 was not issued by/,
  )
  assert.match(problemOf({ ...good, cert: good.cert + issue().cert }), /^cert: certificate 1 was not issued by certifi/)
  assert.equal(
    problemOf({ ...good, cert: authority.certificate }),
    'cert: certificate 1 is of an authority, not of a server',
  )
})

test('a leaf must be in force, strong enough, and cover the name of the silo', () => {
  assert.equal(problemOf(issue({ to: -0.5 })), 'cert: certificate 1 expired at 2025-12-31T12:00:00.000Z')
  assert.equal(problemOf(issue({ from: 1 })), 'cert: certificate 1 is not valid before 2026-01-02T00:00:00.000Z')
  assert.equal(
    problemOf(issue({ names: ['other.sys.rack.example', 'rack.example'] })),
    `cert: certificate 1 is for DNS:other.sys.rack.example, DNS:rack.example, not for ${HOST}`,
  )
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  assert.equal(
    problemOf(issue({ publicKey })),
    'cert: certificate 1 has an RSA key of 1024 bits, at least 2048 are needed',
  )
})

test('the key must be one, and the one of the leaf', () => {
  assert.equal(problemOf({ ...good, key: 'hello' }), 'key: it is not an unencrypted private key in PEM')
  assert.equal(problemOf({ ...good, key: issue().key }), 'key: it is not the key of certificate 1')
  assert.equal(problemOf({ cert: good.cert, key: good.cert }), 'key: it is not an unencrypted private key in PEM')
})
