import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { MemoryFiles, SeededRandom, VirtualClock } from '@lodestone/host'
import { CA_CERTIFICATE_FILE, CA_KEY_FILE, CertificateAuthority } from './certificate-authority.ts'

const DAY_MS = 86_400_000
const random = new SeededRandom(3)
const NAME = { type: 'dns', value: 'eng.sys.rack.example' } as const

test('an authority is made once, and what it issues is believed by whoever believes it', async () => {
  const clock = new VirtualClock()
  const files = new MemoryFiles()
  const authority = await CertificateAuthority.open(files, clock, random)
  const ca = new X509Certificate(authority.certificate)
  assert.ok(ca.ca && ca.verify(ca.publicKey))
  const identity = await authority.identityFor([
    NAME,
    { type: 'ip', value: '127.0.0.1' },
    { type: 'ip', value: 'fd00::1' },
  ])
  const leaf = new X509Certificate(identity.cert)
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  assert.ok(leaf.checkPrivateKey(createPrivateKey(identity.key)))
  assert.equal(leaf.ca, false)
  assert.deepEqual(
    [leaf.checkHost(NAME.value), leaf.checkIP('127.0.0.1'), leaf.checkIP('fd00::1'), leaf.checkHost('other.example')],
    [NAME.value, '127.0.0.1', 'fd00::1', undefined],
  )
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])

  const again = await CertificateAuthority.open(files, clock, random)
  assert.equal(again.certificate, authority.certificate)
  const after = new X509Certificate((await again.identityFor([NAME])).cert)
  assert.ok(after.verify(ca.publicKey), 'what it issues after a restart is believed too')
})

test('a certificate is the same until it has a month left, and is then replaced; never is an expired one shown', async () => {
  const clock = new VirtualClock()
  const authority = await CertificateAuthority.open(new MemoryFiles(), clock, random)
  const first = await authority.identityFor([NAME])
  await clock.advance(59 * DAY_MS)
  assert.equal(await authority.identityFor([NAME]), first)
  await clock.advance(2 * DAY_MS)
  const second = await authority.identityFor([NAME])
  assert.notEqual(second.cert, first.cert)
  assert.ok(Date.parse(new X509Certificate(first.cert).validTo) > clock.wallMs())
  assert.ok(Date.parse(new X509Certificate(second.cert).validTo) > clock.wallMs() + 89 * DAY_MS)
})

test('an authority that is about to expire is replaced when the rack starts', async () => {
  const clock = new VirtualClock()
  const files = new MemoryFiles()
  const old = await CertificateAuthority.open(files, clock, random)
  await clock.advance(3600 * DAY_MS)
  const made = await CertificateAuthority.open(files, clock, random)
  assert.notEqual(made.certificate, old.certificate)
})

test('files that are no authority are refused with what is wrong, and left alone', async () => {
  const clock = new VirtualClock()
  const files = new MemoryFiles()
  const open = (): Promise<CertificateAuthority> => CertificateAuthority.open(files, clock, random)
  const authority = await open()
  const key = (await files.read(CA_KEY_FILE))!
  await files.remove(CA_KEY_FILE)
  await assert.rejects(open(), /ca\.crt is there without ca\.key/)
  await files.write(CA_KEY_FILE, Buffer.from('nonsense'))
  await assert.rejects(open(), /are no certificate and key/)
  await files.write(CA_KEY_FILE, Buffer.from((await authority.identityFor([NAME])).key))
  await assert.rejects(open(), /is no authority's certificate for ca\.key/)
  await files.write(CA_CERTIFICATE_FILE, Buffer.from((await authority.identityFor([NAME])).cert))
  await assert.rejects(open(), /is no authority's certificate for ca\.key/)
  await files.write(CA_CERTIFICATE_FILE, Buffer.from(authority.certificate))
  await files.write(CA_KEY_FILE, key)
  assert.equal((await open()).certificate, authority.certificate)
})
