/**
 * The filter language of captures: what people know from tcpdump, over the fields of our own dissector.
 *
 *     tcp | udp | icmp | icmp6 | arp | ip | ip6 | geneve | vlan | …   a header of that name, at any depth
 *     host A, src host A, dst host A, net PREFIX, src net, dst net      of any IP header, or of ARP
 *     port N, src port N, dst port N                                    of TCP or UDP
 *     ether host MAC, ether proto N, vni N, less N, greater N
 *     HEADER.FIELD = VALUE, also != < > <= >=                           as `lode` prints fields: ipv4.ttl < 5
 *     not, and, or, ( )                                                 `and` binds more tightly than `or`
 */
import { dissect, type Layer } from '@lodestone/packet'
import { Ip, Mac, Prefix } from '@lodestone/net'

/** @param frame may be read during the call only. */
export type FrameFilter = (frame: Uint8Array) => boolean

export type CaptureFilterResult =
  /** Without `matches` every frame does. */
  { readonly ok: true; readonly matches?: FrameFilter } | { readonly ok: false; readonly message: string }

type Test = (layers: readonly Layer[], frame: Uint8Array) => boolean

const HEADER_NAMES: Readonly<Record<string, string>> = { ip: 'ipv4', ip6: 'ipv6', icmp6: 'icmpv6', ether: 'ethernet' }
const COMPARISONS = ['!=', '<=', '>=', '==', '=', '<', '>'] as const

export function parseCaptureFilter(text: string): CaptureFilterResult {
  const words = text.match(/[()]|!=|<=|>=|==|[=<>]|!(?!=)|&&|\|\||[^\s()=<>!&|]+/g) ?? []
  if (words.length === 0) return { ok: true }
  try {
    const parser = new Parser(words)
    const test = parser.either()
    if (parser.word !== undefined)
      throw new SyntaxError(`expected "and", "or" or the end before ${JSON.stringify(parser.word)}`)
    return { ok: true, matches: (frame) => test(dissect(frame, 0, frame.length), frame) }
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, message: error.message }
    throw error
  }
}

class Parser {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  get word(): string | undefined {
    return this.#words[this.#at]
  }

  either(): Test {
    let left = this.#both()
    while (this.#take('or', '||')) {
      const [one, other] = [left, this.#both()]
      left = (layers, frame) => one(layers, frame) || other(layers, frame)
    }
    return left
  }

  #both(): Test {
    let left = this.#single()
    while (this.#take('and', '&&')) {
      const [one, other] = [left, this.#single()]
      left = (layers, frame) => one(layers, frame) && other(layers, frame)
    }
    return left
  }

  #single(): Test {
    if (this.#take('not', '!')) {
      const inner = this.#single()
      return (layers, frame) => !inner(layers, frame)
    }
    if (this.#take('(')) {
      const inner = this.either()
      if (!this.#take(')')) throw new SyntaxError('a ( has no )')
      return inner
    }
    return this.#term(this.#next('a term'))
  }

  #term(word: string): Test {
    switch (word) {
      case 'src':
      case 'dst': {
        const kind = this.#next(`"host", "net" or "port" after ${word}`)
        if (kind === 'host' || kind === 'net') return addressTest(this.#next('an address'), [word])
        if (kind === 'port') return portTest(this.#number('a port'), [word])
        throw new SyntaxError(`after ${word} comes host, net or port, not ${JSON.stringify(kind)}`)
      }
      case 'host':
      case 'net':
        return addressTest(this.#next('an address'), ['src', 'dst'])
      case 'port':
        return portTest(this.#number('a port'), ['src', 'dst'])
      case 'vni': {
        const vni = this.#number('a VNI')
        return (layers) => layers.some((layer) => layer.name === 'geneve' && numeric(fieldOf(layer, 'vni')) === vni)
      }
      case 'less':
      case 'greater': {
        const bytes = this.#number('a length')
        return (_, frame) => (word === 'less' ? frame.length <= bytes : frame.length >= bytes)
      }
      case 'ether':
        if (this.#take('host')) return macTest(this.#next('a MAC address'))
        if (this.#take('proto')) {
          const type = this.#number('an EtherType')
          return (_, frame) => frame.length >= 14 && ((frame[12]! << 8) | frame[13]!) === type
        }
        return (layers) => layers.length > 0
    }
    const dot = word.indexOf('.')
    if (dot > 0) return this.#fieldTest(word.slice(0, dot), word.slice(dot + 1))
    const name = HEADER_NAMES[word] ?? word
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new SyntaxError(`${JSON.stringify(word)} is no term`)
    if (!KNOWN_HEADERS.has(name)) {
      throw new SyntaxError(`there is no header ${JSON.stringify(word)}; there are ${[...KNOWN_HEADERS].join(', ')}`)
    }
    return (layers) => layers.some((layer) => layer.name === name)
  }

  #fieldTest(headerWord: string, field: string): Test {
    const header = HEADER_NAMES[headerWord] ?? headerWord
    const operator = COMPARISONS.find((each) => this.#take(each))
    if (operator === undefined)
      throw new SyntaxError(`after ${headerWord}.${field} comes one of ${COMPARISONS.join(' ')}`)
    const wanted = this.#next('a value')
    const number = numeric(wanted)
    return (layers) =>
      layers.some((layer) => {
        if (layer.name !== header) return false
        const text = fieldOf(layer, field)
        return text !== undefined && compare(text, numeric(text), operator, wanted, number)
      })
  }

  #take(...words: readonly string[]): boolean {
    if (this.word === undefined || !words.includes(this.word)) return false
    this.#at++
    return true
  }

  #next(what: string): string {
    const word = this.#words[this.#at++]
    if (word === undefined) throw new SyntaxError(`the filter ends where ${what} should be`)
    return word
  }

  #number(what: string): number {
    const word = this.#next(what)
    const value = numeric(word)
    if (value === undefined) throw new SyntaxError(`${JSON.stringify(word)} is not ${what}`)
    return value
  }
}

const KNOWN_HEADERS = new Set([
  'ethernet',
  'vlan',
  'arp',
  'ipv4',
  'ipv6',
  'ipv6Fragment',
  'ipv6Ext',
  'ddm',
  'tcp',
  'udp',
  'icmp',
  'icmpv6',
  'geneve',
  'dhcp',
  'sidecar',
  'ndpNeighborSolicit',
  'ndpNeighborAdvert',
  'ndpRouterSolicit',
  'ndpRouterAdvert',
  'options',
  'payload',
  'padding',
  'malformed',
])

function compare(
  text: string,
  number: number | undefined,
  operator: string,
  wanted: string,
  wantedNumber: number | undefined,
): boolean {
  const areNumbers = number !== undefined && wantedNumber !== undefined
  switch (operator) {
    case '=':
    case '==':
      return areNumbers ? number === wantedNumber : text === wanted
    case '!=':
      return areNumbers ? number !== wantedNumber : text !== wanted
    case '<':
      return areNumbers && number < wantedNumber
    case '>':
      return areNumbers && number > wantedNumber
    case '<=':
      return areNumbers && number <= wantedNumber
    default:
      return areNumbers && number >= wantedNumber
  }
}

function fieldOf(layer: Layer, name: string): string | undefined {
  return layer.fields.find((field) => field.name === name)?.value
}

/** Fields are printed as numbers, in hexadecimal, or as a name with its number. */
function numeric(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const match = /^(0x[\da-f]+|\d+)$/i.exec(text) ?? /\((0x[\da-f]+|\d+)\)$/i.exec(text)
  return match === null ? undefined : Number(match[1])
}

function addressTest(text: string, sides: readonly ('src' | 'dst')[]): Test {
  const prefix = Prefix.parse(text) ?? (Ip.parse(text) === undefined ? undefined : Prefix.host(Ip.of(text)))
  if (prefix === undefined) throw new SyntaxError(`${JSON.stringify(text)} is no address and no prefix`)
  const names = sides.flatMap((side) => [side, side === 'src' ? 'senderIp' : 'targetIp'])
  return (layers) =>
    layers.some((layer) => {
      if (layer.name !== 'ipv4' && layer.name !== 'ipv6' && layer.name !== 'arp') return false
      return layer.fields.some((field) => {
        if (!names.includes(field.name)) return false
        const ip = Ip.parse(field.value)
        return ip !== undefined && prefix.contains(ip)
      })
    })
}

function portTest(port: number, sides: readonly ('src' | 'dst')[]): Test {
  const names = sides.map((side) => `${side}Port`)
  return (layers) =>
    layers.some(
      (layer) =>
        (layer.name === 'tcp' || layer.name === 'udp') &&
        layer.fields.some((field) => names.includes(field.name) && numeric(field.value) === port),
    )
}

function macTest(text: string): Test {
  const mac = Mac.parse(text)?.toString()
  if (mac === undefined) throw new SyntaxError(`${JSON.stringify(text)} is no MAC address`)
  return (layers) =>
    layers.some((layer) => layer.name === 'ethernet' && layer.fields.some((field) => field.value === mac))
}
