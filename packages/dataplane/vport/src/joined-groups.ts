/**
 * The multicast groups that one guest has joined by IGMP (RFC 2236, RFC 3376) or MLD (RFC 2710, RFC 3810): a router's side of
 * it for a link with a single listener. What a listener leaves it leaves at once, for there is nobody else to ask (RFC 3376
 * §6.6); what it does not report again within the group membership interval is over.
 *
 * Invariant: at most `MOST_JOINED` groups with `MOST_SOURCES` sources each, all of prefixes that the configuration permits.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { isAddress, isInPrefix, type PrefixWords, prefixWords, wordsOf } from './address-words.ts'
import { isForwardable } from './multicast-groups.ts'
import type { MulticastSubscription } from './port-config.ts'

/** As many groups and sources of one as a configuration may name, too. */
export const MOST_JOINED = 32
export const MOST_SOURCES = 64
/** RFC 3376 §8.2 and RFC 3810 §9.2; the first two questions come closer together (§8.6, §9.6). */
export const QUERY_INTERVAL_MS = 125_000
export const STARTUP_INTERVAL_MS = 31_250
/** How long hosts may take to answer. */
export const QUERY_RESPONSE_MS = 10_000
/** RFC 3376 §8.4, RFC 3810 §9.4: two questions unanswered. */
export const MEMBERSHIP_MS = 2 * QUERY_INTERVAL_MS + QUERY_RESPONSE_MS

/** What a record of a report says (RFC 3376 §4.2.12); reports and leaves of older versions are `exclude` and `include` nothing. */
export interface GroupRecord {
  readonly kind: 'include' | 'exclude' | 'allow' | 'block'
  readonly group: Ip
  readonly sources: readonly Ip[]
}

interface Joined {
  readonly subscription: MulticastSubscription
  readonly words: Int32Array
  readonly sourceWords: readonly Int32Array[]
  readonly expiresMs: number
}

export class JoinedGroups {
  #permitted: readonly PrefixWords[] = []
  #joined: readonly Joined[] = []
  /** When the guest is asked next. */
  nextQueryMs = Infinity
  #questions = 0

  /** Whether the guest may join anything. */
  get isOpen(): boolean {
    return this.#permitted.length > 0
  }

  /** Takes over what another one has: for a copy that goes its own way. */
  follow(other: JoinedGroups): void {
    this.#joined = other.#joined
  }

  /** From now on only groups of these prefixes; others are left. */
  permit(prefixes: readonly Prefix[], nowMs: number): void {
    const wasOpen = this.isOpen
    this.#permitted = prefixes.map(prefixWords)
    this.#joined = this.#joined.filter(({ subscription }) => this.#isPermitted(subscription.group))
    if (!this.isOpen) this.nextQueryMs = Infinity
    else if (!wasOpen) {
      this.#questions = 0
      this.nextQueryMs = nowMs
    }
  }

  /** Notes that the guest is asked now. */
  asked(nowMs: number): void {
    this.#questions++
    this.nextQueryMs = nowMs + (this.#questions < 2 ? STARTUP_INTERVAL_MS : QUERY_INTERVAL_MS)
  }

  list(): MulticastSubscription[] {
    return this.#joined.map(({ subscription }) => subscription)
  }

  /** Whether the group whose address begins at `at` has been joined. */
  has(words: Int32Array, at: number, family: 4 | 6): boolean {
    return this.#find(words, at, family) !== undefined
  }

  /** Whether packets of a source to a group are wanted; `undefined` where the group has not been joined. Both are in `words`. */
  admits(words: Int32Array, sourceAt: number, groupAt: number, family: 4 | 6): boolean | undefined {
    const joined = this.#find(words, groupAt, family)
    if (joined === undefined) return undefined
    const isListed = joined.sourceWords.some((source) => isAddress(words, sourceAt, family, source))
    return isListed === (joined.subscription.mode === 'include')
  }

  /** What speaks against a record; `undefined`: nothing. Groups of the link need nobody's leave and are nobody's concern. */
  problemOf(record: GroupRecord): string | undefined {
    const { group } = record
    if (!isForwardable(wordsOf(group), 0, group.family)) return undefined
    const before = this.#of(group)
    const after = nextSubscription(before?.subscription, record)
    if (after === undefined) return undefined
    if (!this.#isPermitted(group)) return `${group} is not among the groups that this interface may join`
    if (after.sources.length > MOST_SOURCES) return `more than ${MOST_SOURCES} sources of ${group}`
    if (before === undefined && this.#joined.length >= MOST_JOINED) return `more than ${MOST_JOINED} groups`
    return undefined
  }

  /** Takes a record that nothing speaks against. */
  take(record: GroupRecord, nowMs: number): void {
    const { group } = record
    const words = wordsOf(group)
    if (!isForwardable(words, 0, group.family)) return
    const before = this.#of(group)
    const subscription = nextSubscription(before?.subscription, record)
    const others = before === undefined ? this.#joined : this.#joined.filter((each) => each !== before)
    if (subscription === undefined) {
      this.#joined = others
      return
    }
    const expiresMs = nowMs + MEMBERSHIP_MS
    this.#joined = [...others, { subscription, words, sourceWords: subscription.sources.map(wordsOf), expiresMs }]
  }

  /** Forgets groups that have not been reported for too long. */
  expire(nowMs: number): void {
    if (this.#joined.some(({ expiresMs }) => expiresMs <= nowMs)) {
      this.#joined = this.#joined.filter(({ expiresMs }) => expiresMs > nowMs)
    }
  }

  #isPermitted(group: Ip): boolean {
    const words = wordsOf(group)
    return this.#permitted.some((prefix) => isInPrefix(words, 0, group.family, prefix))
  }

  #of(group: Ip): Joined | undefined {
    return this.#find(wordsOf(group), 0, group.family)
  }

  #find(words: Int32Array, at: number, family: 4 | 6): Joined | undefined {
    for (const joined of this.#joined) {
      if (joined.subscription.group.family === family && isAddress(words, at, family, joined.words)) return joined
    }
    return undefined
  }
}

/**
 * What a listener wants of a group after a record (RFC 3376 §3.2): with one listener its own state is the router's.
 * @returns `undefined` where it wants nothing any more.
 */
export function nextSubscription(
  before: MulticastSubscription | undefined,
  { kind, group, sources }: GroupRecord,
): MulticastSubscription | undefined {
  const listed = distinct(sources)
  const isIn = (list: readonly Ip[], ip: Ip): boolean => list.some((each) => each.equals(ip))
  if (kind === 'exclude') return { group, mode: 'exclude', sources: listed }
  if (kind === 'include') return included(group, listed)
  const was = before ?? { group, mode: 'include', sources: [] }
  // Allowing sources adds to those that are wanted and takes from those that are not; blocking is the other way round.
  const isAdded = (kind === 'allow') === (was.mode === 'include')
  const next = isAdded
    ? [...was.sources, ...listed.filter((ip) => !isIn(was.sources, ip))]
    : was.sources.filter((ip) => !isIn(listed, ip))
  return was.mode === 'include' ? included(group, next) : { group, mode: 'exclude', sources: next }
}

function included(group: Ip, sources: readonly Ip[]): MulticastSubscription | undefined {
  return sources.length === 0 ? undefined : { group, mode: 'include', sources }
}

function distinct(ips: readonly Ip[]): Ip[] {
  const seen = new Map(ips.map((ip) => [ip.toString(), ip]))
  return [...seen.values()]
}
