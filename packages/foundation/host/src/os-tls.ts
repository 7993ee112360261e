/**
 * TLS 1.2 and 1.3 (RFC 8446) by the platform's OpenSSL, over the streams of any network: emulated ones too. Which certificate a server
 * shows is asked for each connection, by the name that the client gives (SNI, RFC 6066 §3), so it may change at any time.
 *
 * Validity of certificates is judged by the machine's own time, whatever clock the caller lives by.
 */
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import tls from 'node:tls'
import { socketError, type TcpSocket } from './network.ts'

/** A certificate chain, leaf first, and its private key; both PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
}

/** What a server shows. `serverName` is undefined for clients that name none. Undefined: the handshake is refused. */
export type TlsIdentityOf = (serverName: string | undefined) => Promise<TlsIdentity | undefined>

export interface TlsClientOptions {
  /** PEM of the authorities that are believed; the platform's own unless given. */
  readonly ca?: string
}

const MIN_VERSION = 'TLSv1.2'
const ALPN = ['http/1.1']
/** Contexts cost a parse of chain and key; there are as many as certificates in use. */
const CONTEXTS_KEPT = 256

export class TlsServer {
  readonly #identityOf: TlsIdentityOf
  readonly #contexts = new Map<string, tls.SecureContext>()

  constructor(identityOf: TlsIdentityOf) {
    this.#identityOf = identityOf
  }

  /**
   * The server's side of a connection. The stream it resolves to has the addresses of `socket`; a handshake that fails is an 'error'
   * on it. Undefined, and `socket` is destroyed, where there is no certificate at all.
   */
  async accept(socket: TcpSocket): Promise<TcpSocket | undefined> {
    // For clients without SNI, whom OpenSSL does not ask about.
    const fallback = await this.#context(undefined)
    if (fallback === undefined || socket.destroyed) {
      socket.destroy()
      return undefined
    }
    const secure = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: fallback,
      minVersion: MIN_VERSION,
      ALPNProtocols: ALPN,
      SNICallback: (name, done) => {
        this.#context(name).then(
          (context) => (context === undefined ? done(new Error(`no certificate for ${name}`)) : done(null, context)),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        )
      },
    })
    return withAddresses(secure, socket)
  }

  async #context(serverName: string | undefined): Promise<tls.SecureContext | undefined> {
    const identity = await this.#identityOf(serverName)
    if (identity === undefined) return undefined
    const id = createHash('sha256').update(identity.cert).update('\0').update(identity.key).digest('base64')
    const known = this.#contexts.get(id)
    if (known !== undefined) return known
    const context = tls.createSecureContext({ cert: identity.cert, key: identity.key, minVersion: MIN_VERSION })
    if (this.#contexts.size >= CONTEXTS_KEPT) this.#contexts.clear()
    this.#contexts.set(id, context)
    return context
  }
}

/**
 * The client's side of a connection, authenticated: rejects with a Node-style error (`ERR_TLS_CERT_ALTNAME_INVALID`,
 * `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, …) where the server does not prove to be `hostname`.
 */
export function connectTls(socket: TcpSocket, hostname: string, options: TlsClientOptions = {}): Promise<TcpSocket> {
  return new Promise((resolve, reject) => {
    const secure = tls.connect({
      socket,
      minVersion: MIN_VERSION,
      ALPNProtocols: ALPN,
      host: hostname,
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}), // RFC 6066 §3: names only
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    })
    secure.once('secureConnect', () => {
      secure.off('error', reject)
      resolve(withAddresses(secure, socket))
    })
    secure.once('error', reject)
    socket.once('close', () => secure.destroy(secure.authorized ? undefined : cut()))
  })
}

function cut(): Error {
  return socketError('ECONNRESET', 'the connection closed during the TLS handshake')
}

/** Over a stream that is not the operating system's, Node knows no addresses. */
function withAddresses(
  secure: tls.TLSSocket,
  { remoteAddress, remotePort, localAddress, localPort }: TcpSocket,
): TcpSocket {
  const fixed = (value: string | number): PropertyDescriptor => ({ value, enumerable: true })
  Object.defineProperties(secure, {
    remoteAddress: fixed(remoteAddress),
    remotePort: fixed(remotePort),
    localAddress: fixed(localAddress),
    localPort: fixed(localPort),
  })
  return secure as TcpSocket // because a TLSSocket is a Duplex, and the addresses were just given to it
}
