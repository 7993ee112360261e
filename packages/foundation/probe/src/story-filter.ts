/**
 * The filter language of `lode trace`: words joined by `and`, each optionally negated by `not`.
 *
 *     tcp | udp | icmp | icmp6 | arp | ip | ip6      protocol of any layer, outer or inner
 *     host ADDRESS, port NUMBER, vni NUMBER          at any hop: before or after NAT, outer or inner
 *     node NAME                                      it passed this node
 *     dropped | delivered                            how it ended
 *     syn | ack | fin | rst                          TCP flags
 *
 * A story matches when each term holds for it as a whole, so a filter finds a packet in every form it took on its way.
 */
import type { Story } from './story-book.ts'

export type StoryFilter = (story: Story) => boolean

export type FilterResult =
  | { readonly ok: true; readonly matches: StoryFilter }
  | { readonly ok: false; readonly message: string }

const PROTOCOLS: Readonly<Record<string, RegExp>> = {
  tcp: /\bTCP\b/,
  udp: /\bUDP\b/,
  icmp: /\bICMP\b/,
  icmp6: /\bICMPv6\b/,
  arp: /\bARP\b/,
  ip: /\bIPv4\b/,
  ip6: /\bIPv6\b/,
  syn: /\bSYN\b/,
  ack: /\bACK\b/,
  fin: /\bFIN\b/,
  rst: /\bRST\b/,
}

/** An empty filter matches every story. */
export function parseStoryFilter(text: string): FilterResult {
  const words = text.trim() === '' ? [] : text.trim().split(/\s+/)
  const terms: StoryFilter[] = []
  let at = 0
  while (at < words.length) {
    if (terms.length > 0) {
      if (words[at] !== 'and') return bad(`expected "and" before ${JSON.stringify(words[at])}`)
      at++
    }
    let negated = false
    while (words[at] === 'not') {
      negated = !negated
      at++
    }
    const word = words[at++]
    if (word === undefined) return bad('the filter ends where a term should be')
    let term: StoryFilter
    if (word === 'host' || word === 'port' || word === 'vni' || word === 'node') {
      const value = words[at++]
      if (value === undefined) return bad(`"${word}" needs a value`)
      term = valueTerm(word, value)
    } else if (word === 'dropped' || word === 'delivered') {
      term = (story) => story.events.some((event) => event.step.kind === word)
    } else if (Object.hasOwn(PROTOCOLS, word)) {
      const pattern = PROTOCOLS[word]!
      term = (story) => summaries(story).some((summary) => pattern.test(summary))
    } else {
      return bad(
        `unknown term ${JSON.stringify(word)}; terms are ${Object.keys(PROTOCOLS).join(', ')}, host, port, vni, node, dropped, delivered`,
      )
    }
    const positive = term
    terms.push(negated ? (story) => !positive(story) : positive)
  }
  return { ok: true, matches: (story) => terms.every((term) => term(story)) }
}

function valueTerm(kind: 'host' | 'port' | 'vni' | 'node', value: string): StoryFilter {
  if (kind === 'node') return (story) => story.events.some((event) => event.node === value)
  const escaped = value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  // In summaries an address stands alone, before `:port` (IPv4), or in brackets before `:port` (IPv6).
  const pattern = {
    host: new RegExp(`(^|[\\s[>])${escaped}(?=$|[\\s\\]>,:])`),
    port: new RegExp(`(\\]|\\d\\.\\d+):${escaped}(?!\\d)`),
    vni: new RegExp(`vni ${escaped}\\b`),
  }[kind]
  return (story) => summaries(story).some((summary) => pattern.test(summary))
}

function summaries(story: Story): readonly string[] {
  const out: string[] = []
  for (const { step } of story.events) {
    if (step.kind === 'sent' || step.kind === 'ingress' || step.kind === 'delivered') out.push(step.summary)
  }
  return out
}

function bad(message: string): FilterResult {
  return { ok: false, message }
}
