/**
 * The shell on an embedded guest's serial console: a person can look at its addresses, routes and neighbors, ping and
 * fetch. One command at a time; ^C stops it.
 */
import { type Clock, http, type TcpSocket } from '@lodestone/host'
import { parseZoned } from '../address-text.ts'
import type { Netstack } from '../netstack.ts'
import type { PingResult } from '../ping.ts'
import { LineEditor } from './line-editor.ts'

/** The far end of a serial line. */
export interface GuestConsole {
  /** Output for whoever watches. The bytes are the callee's. */
  write(bytes: Uint8Array): void
  /** @returns unsubscribe. */
  onInput(fn: (bytes: Uint8Array) => void): () => void
}

export interface ShellOptions {
  readonly console: GuestConsole
  readonly network: Netstack
  readonly clock: Clock
  readonly hostName: string
  /** After `exit`; the shell then starts anew with the next key. */
  readonly onExit?: () => void
}

const HELP = `commands:
  help                 this text
  hostname             the name of this guest
  ip addr              interfaces and their addresses
  ip route             routes
  ip neigh             neighbors on the links
  ping [-c N] ADDRESS  ICMP echo, four times unless told otherwise
  curl [-i] URL        fetch http://ADDRESS[:PORT]/PATH; -i shows the head, too
  exit                 leave
`
const TYPE_AHEAD_LIMIT = 1024
const BODY_LIMIT = 64 * 1024
const FETCH_TIMEOUT_MS = 10_000

/** Exit codes, as shells have them. */
const OK = 0
const FAILED = 1
const USAGE = 2
const NOT_FOUND = 127
const INTERRUPTED = 130

/** What a running command listens to. */
interface Job {
  isStopped: boolean
  stop: () => void
}

export class Shell {
  readonly #console: GuestConsole
  readonly #network: Netstack
  readonly #clock: Clock
  readonly #hostName: string
  readonly #onExit: () => void
  readonly #editor: LineEditor
  readonly #unsubscribe: () => void
  #isActive = false
  #job: Job | undefined
  #typedAhead: number[] = []

  constructor(options: ShellOptions) {
    this.#console = options.console
    this.#network = options.network
    this.#clock = options.clock
    this.#hostName = options.hostName
    this.#onExit = options.onExit ?? (() => undefined)
    this.#editor = new LineEditor(`${options.hostName}# `, (text) => this.#write(text))
    this.#unsubscribe = options.console.onInput((bytes) => this.#input(bytes))
    this.#start()
  }

  /** Runs a line as one that was typed, without echo and prompt. One at a time. @returns its exit code. */
  async execute(line: string): Promise<number> {
    const words = line.trim().split(/\s+/)
    if (words[0] === 'exit') return Number(words[1] ?? OK) & 0xff
    try {
      return await this.#command(words[0] ?? '', words.slice(1))
    } catch (error) {
      return this.#complain(words[0] ?? '', error)
    } finally {
      this.#job = undefined
    }
  }

  /** ^C for the command that runs. */
  interrupt(): void {
    this.#job?.stop()
  }

  close(): void {
    this.#unsubscribe()
    this.#job?.stop()
  }

  #start(): void {
    this.#isActive = true
    this.#write(`\r\nlodestone guest ${this.#hostName}; "help" lists the commands\r\n`)
    this.#editor.prompt()
  }

  #write(text: string): void {
    this.#console.write(Buffer.from(text))
  }

  /** Command output: lines end with \n inside and with CR LF on the wire. */
  #print(text: string): void {
    this.#write(text.replaceAll(/\r?\n/g, '\r\n'))
  }

  #input(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (!this.#isActive) this.#start()
      else if (this.#job === undefined) this.#key(byte)
      else if (byte === 0x03) this.#job.stop()
      else if (this.#typedAhead.length < TYPE_AHEAD_LIMIT) this.#typedAhead.push(byte)
    }
  }

  #key(byte: number): void {
    const event = this.#editor.input(byte)
    switch (event?.kind) {
      case 'line':
        return this.#run(event.text.trim().split(/\s+/))
      case 'interrupt':
        return this.#editor.prompt()
      case 'end':
        return this.#exit()
      case undefined:
    }
  }

  #exit(): void {
    this.#isActive = false
    this.#write('bye\r\n')
    this.#onExit()
  }

  #run(words: readonly string[]): void {
    const [name, ...rest] = words
    if (name === 'exit') return this.#exit()
    const running = this.#command(name ?? '', rest)
    if (typeof running === 'number') return this.#editor.prompt()
    const job = this.#job
    running
      .catch((error: unknown) => this.#complain(name ?? '', error))
      .finally(() => {
        if (this.#job === job) this.#job = undefined
        this.#editor.prompt()
        const typed = this.#typedAhead
        this.#typedAhead = []
        this.#input(Uint8Array.from(typed))
      })
  }

  #complain(name: string, error: unknown): number {
    this.#print(`${name}: ${error instanceof Error ? error.message : String(error)}\n`)
    return FAILED
  }

  /** Does it at once, or returns a promise and sets the job. @returns the exit code. */
  #command(name: string, rest: readonly string[]): number | Promise<number> {
    switch (name) {
      case '':
        return OK
      case 'help':
        return this.#say(HELP)
      case 'hostname':
        return this.#say(`${this.#hostName}\n`)
      case 'ip':
        return this.#ip(rest[0] ?? '')
      case 'ping':
        return this.#ping(rest)
      case 'curl':
        return this.#curl(rest)
      default:
        return this.#say(`${name}: not found; "help" lists the commands\n`, NOT_FOUND)
    }
  }

  #say(text: string, exitCode = OK): number {
    this.#print(text)
    return exitCode
  }

  #ip(what: string): number {
    if (what !== '' && 'address'.startsWith(what)) this.#ipAddress()
    else if (what !== '' && 'route'.startsWith(what)) this.#ipRoute()
    else if ((what !== '' && 'neighbor'.startsWith(what)) || what === 'neighbour') this.#ipNeighbor()
    else return this.#say('usage: ip addr | ip route | ip neigh\n', USAGE)
    return OK
  }

  #ipAddress(): void {
    for (const iface of this.#network.interfaces()) {
      const state = iface.isUp ? 'up' : 'down'
      this.#print(`${iface.index}: ${iface.name} ${state} mtu ${iface.mtuBytes} ether ${iface.macText}\n`)
      for (const prefix of iface.prefixes) this.#print(`    ${prefix.family === 4 ? 'inet' : 'inet6'} ${prefix}\n`)
    }
  }

  #ipRoute(): void {
    for (const route of this.#network.routes()) {
      if (route.nextHops.every((hop) => hop.interface === 'lo')) continue
      const text = route.prefix.length === 0 ? `default (${route.prefix})` : route.prefix.toString()
      for (const hop of route.nextHops) {
        const via = hop.via === undefined ? '' : ` via ${hop.via}`
        this.#print(`${text}${via} dev ${hop.interface}${route.origin === 'connected' ? ' connected' : ''}\n`)
      }
    }
  }

  #ipNeighbor(): void {
    for (const entry of this.#network.neighbors()) {
      const router = entry.isRouter ? ' router' : ''
      this.#print(`${entry.address} dev ${entry.interface} ${entry.mac ?? 'unknown'} ${entry.state}${router}\n`)
    }
  }

  async #ping(rest: readonly string[]): Promise<number> {
    const hasCount = rest[0] === '-c'
    const count = hasCount ? Number(rest[1]) : 4
    const address = rest[hasCount ? 2 : 0]
    const isCount = Number.isInteger(count) && count >= 1 && count <= 1000
    if (address === undefined || !isCount) return this.#say('usage: ping [-c N] ADDRESS\n', USAGE)
    if (parseZoned(address) === undefined) return this.#say(`ping: ${address} is not an IP address\n`, USAGE)
    const job = this.#startJob()
    let received = 0
    for (let i = 1; i <= count && !job.isStopped; i++) {
      const [result] = await this.#untilStopped(job, this.#network.ping(address))
      if (result === undefined) break
      if (result.outcome === 'reply') received++
      this.#print(pingLine(result, i))
      if (i < count) await this.#untilStopped(job, this.#sleep(1000 - (result.roundTripMs ?? 1000)))
    }
    this.#print(`${received} of ${count} answered\n`)
    if (job.isStopped) return INTERRUPTED
    return received > 0 ? OK : FAILED
  }

  async #curl(rest: readonly string[]): Promise<number> {
    const hasHead = rest[0] === '-i'
    const text = rest[hasHead ? 1 : 0]
    if (text === undefined) return this.#say('usage: curl [-i] http://ADDRESS[:PORT]/PATH\n', USAGE)
    const url = URL.parse(text.includes('://') ? text : `http://${text}`)
    const address = url?.hostname.replace(/^\[(.*)\]$/, '$1')
    if (url === null || url.protocol !== 'http:' || address === undefined || parseZoned(address) === undefined) {
      return this.#say(`curl: ${text} is not a URL that starts with http:// and an IP address\n`, USAGE)
    }
    const job = this.#startJob()
    const port = url.port === '' ? 80 : Number(url.port)
    const connecting = this.#network.connectTcp({ address, port, timeoutMs: FETCH_TIMEOUT_MS })
    connecting.then((late) => job.isStopped && late.destroy()).catch(() => undefined)
    const [socket] = await this.#untilStopped(
      job,
      connecting.then((each) => [each] as const),
    )
    if (socket === undefined) return INTERRUPTED
    const timer = this.#clock.after(FETCH_TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')))
    try {
      const [answer] = await this.#untilStopped(
        job,
        fetchOver(socket, url).then((each) => [each] as const),
      )
      if (answer === undefined) return INTERRUPTED
      if (hasHead) this.#print(`${answer.head}\n\n`)
      return this.#say(answer.body)
    } finally {
      timer.cancel()
      socket.destroy()
    }
  }

  #startJob(): Job {
    const job: Job = { isStopped: false, stop: () => undefined }
    this.#job = job
    return job
  }

  /** The promise's tuple, or an empty one when ^C came first. */
  #untilStopped<T>(job: Job, promise: Promise<readonly T[]>): Promise<readonly T[]> {
    return new Promise((resolve, reject) => {
      job.stop = () => {
        job.isStopped = true
        this.#write('^C\r\n')
        job.stop = () => undefined
        resolve([])
      }
      promise.then(resolve, reject)
    })
  }

  #sleep(delayMs: number): Promise<[]> {
    return new Promise((resolve) => this.#clock.after(Math.max(0, delayMs), () => resolve([])))
  }
}

function pingLine(result: PingResult, sequence: number): string {
  const time = `time=${(result.roundTripMs ?? 0).toFixed(2)} ms`
  switch (result.outcome) {
    case 'reply':
      return `reply from ${result.from}: seq=${sequence} ttl=${result.hopLimit} ${time}\n`
    case 'timeout':
      return `no answer: seq=${sequence}\n`
    case 'time-exceeded':
      return `${result.from}: seq=${sequence} time to live exceeded\n`
    case 'too-big':
      return `${result.from}: seq=${sequence} packet too big\n`
    case 'unreachable':
      return `${result.from ?? 'here'}: seq=${sequence} destination unreachable\n`
  }
}

interface Answer {
  readonly head: string
  readonly body: string
}

/** One GET over a connected socket. */
function fetchOver(socket: TcpSocket, url: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // An agent, even `false`, would open connections of its own and never ask for this one.
    const asked = http.request({
      createConnection: () => socket,
      host: url.hostname,
      path: url.pathname + url.search,
      headers: { host: url.host, 'user-agent': 'lodestone-guest', accept: '*/*' },
    })
    asked.on('error', reject)
    asked.on('response', (response) => {
      const chunks: Buffer[] = []
      let length = 0
      const head = [`HTTP/${response.httpVersion} ${response.statusCode} ${response.statusMessage}`]
      for (let i = 0; i < response.rawHeaders.length; i += 2) {
        head.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`)
      }
      response.on('data', (chunk: Buffer) => {
        if (length < BODY_LIMIT) chunks.push(chunk)
        length += chunk.length
      })
      response.on('error', reject)
      response.on('end', () => {
        const cut = length > BODY_LIMIT ? `\n(${length - BODY_LIMIT} more bytes)\n` : ''
        const body = Buffer.concat(chunks).subarray(0, BODY_LIMIT)
        resolve({ head: head.join('\n'), body: body.toString('latin1') + cut })
      })
    })
    asked.end()
  })
}
