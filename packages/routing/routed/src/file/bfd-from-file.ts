/** BFD profiles as they are written to what a session is configured with. */
import { type Authentication, checkPeerConfig } from '@lodestone/bfd'
import { Ip } from '@lodestone/net'
import type { BfdProfile } from '../config.ts'
import type { PathProblem } from './config-problem.ts'
import type { PathSegment } from './located-yaml.ts'
import type { BfdProfile as WrittenProfile, RoutedFile } from './schema.ts'
import type { SecretBook } from './secret-book.ts'
import type { BfdUse } from './text-value.ts'

const ANY_ADDRESS: Ip = Ip.of('192.0.2.1')
const MAX_SECRET_BYTES = { 'simple-password': 16, 'keyed-sha1': 20, 'meticulous-keyed-sha1': 20 } as const

export class BfdBook {
  readonly #profiles: ReadonlyMap<string, BfdProfile>
  readonly #problems: PathProblem[]

  constructor(file: RoutedFile, secrets: SecretBook, problems: PathProblem[]) {
    this.#problems = problems
    const written = Object.entries(file.bfd?.profiles ?? {})
    this.#profiles = new Map(
      written.map(([name, profile]) => [name, profileOf(profile, ['bfd', 'profiles', name], secrets, problems)]),
    )
  }

  /** What `bfd:` says. */
  use(use: BfdUse | undefined, path: readonly PathSegment[]): BfdProfile | undefined {
    if (use === undefined || use === false) return undefined
    if (use === true) return {}
    const profile = this.#profiles.get(use)
    if (profile === undefined) {
      const others = [...this.#profiles.keys()]
      const message = `there is no BFD profile ${use}${others.length === 0 ? '' : `; there are ${others.join(', ')}`}`
      this.#problems.push({ path, message })
    }
    return profile
  }
}

function profileOf(
  profile: WrittenProfile,
  path: readonly PathSegment[],
  secrets: SecretBook,
  problems: PathProblem[],
): BfdProfile {
  const { multihop = false } = profile
  for (const key of ['echo_ms', 'echo_receive_ms'] as const) {
    if (multihop && profile[key] !== undefined) {
      problems.push({ path: [...path, key], message: 'a multihop session has no echo function (RFC 5883)' })
    }
  }
  if (!multihop && profile.min_ttl !== undefined) {
    problems.push({ path: [...path, 'min_ttl'], message: 'is for multihop; a single hop always needs 255 (RFC 5881)' })
  }
  let authentication: Authentication | undefined
  if (profile.auth !== undefined) {
    const { type, key_id: id, key } = profile.auth
    const secret = new TextEncoder().encode(secrets.text(key, [...path, 'auth', 'key']))
    const most = MAX_SECRET_BYTES[type]
    if (secret.length > most) {
      problems.push({ path: [...path, 'auth', 'key'], message: `has ${secret.length} bytes; at most ${most} fit` })
    }
    authentication = { kind: type, keys: [{ id, secret }] }
  }
  const us = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms * 1000))
  const converted: BfdProfile = {
    mode: multihop ? 'multihop' : 'single-hop',
    desiredMinTxUs: us(profile.min_tx_ms),
    requiredMinRxUs: us(profile.min_rx_ms),
    detectMult: profile.multiplier,
    isPassive: profile.passive,
    minHopLimit: profile.min_ttl,
    echoMinTxUs: us(profile.echo_ms),
    requiredMinEchoRxUs: us(profile.echo_receive_ms),
    authentication,
  }
  // What is left to find: the speaker's own judgement, with an address that is never wrong.
  const problem = checkPeerConfig({
    ...converted,
    authentication: undefined,
    name: 'profile',
    remoteAddress: ANY_ADDRESS,
  })
  if (problem !== undefined && problems.length === 0) problems.push({ path, message: problem })
  return converted
}
