/**
 * How a generated client reaches registers: memory, an emulated bus, a UART, a network. A client of a specification
 * whose registers have at most 32 bits needs `read` and `write` only.
 */

/** Addresses are bytes from the start of `Main`; values are unsigned and fit in `widthBits`. */
export interface SyncPlatform {
  /** A register of at most 32 bits. */
  read(address: number, widthBits: number): number
  write(address: number, value: number, widthBits: number): void
}

/** With registers of more than 32 bits. */
export interface WideSyncPlatform extends SyncPlatform {
  readWide(address: number, widthBits: number): bigint
  writeWide(address: number, value: bigint, widthBits: number): void
}

/** As `SyncPlatform`, for what answers later; a synchronous platform is one too. */
export interface AsyncPlatform {
  read(address: number, widthBits: number): number | Promise<number>
  write(address: number, value: number, widthBits: number): void | Promise<void>
}

export interface WideAsyncPlatform extends AsyncPlatform {
  readWide(address: number, widthBits: number): bigint | Promise<bigint>
  writeWide(address: number, value: bigint, widthBits: number): void | Promise<void>
}

/** One access as an observer sees it. */
export interface RegisterAccess {
  readonly kind: 'read' | 'write'
  readonly address: number
  readonly widthBits: number
  readonly value: number | bigint
}

/** A platform that tells `observe` of every access after it was made. For traces and probes. */
export class ObservedPlatform implements WideSyncPlatform {
  readonly #platform: WideSyncPlatform
  readonly #observe: (access: RegisterAccess) => void

  constructor(platform: WideSyncPlatform, observe: (access: RegisterAccess) => void) {
    this.#platform = platform
    this.#observe = observe
  }

  read(address: number, widthBits: number): number {
    const value = this.#platform.read(address, widthBits)
    this.#observe({ kind: 'read', address, widthBits, value })
    return value
  }

  write(address: number, value: number, widthBits: number): void {
    this.#platform.write(address, value, widthBits)
    this.#observe({ kind: 'write', address, widthBits, value })
  }

  readWide(address: number, widthBits: number): bigint {
    const value = this.#platform.readWide(address, widthBits)
    this.#observe({ kind: 'read', address, widthBits, value })
    return value
  }

  writeWide(address: number, value: bigint, widthBits: number): void {
    this.#platform.writeWide(address, value, widthBits)
    this.#observe({ kind: 'write', address, widthBits, value })
  }
}
