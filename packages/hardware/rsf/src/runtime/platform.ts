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

/**
 * With sram: memories that a selector names instead of an address. How a selector reaches its memory differs from
 * device to device.
 */
export interface SyncMemories {
  /**
   * One memory as a platform, whose addresses are bytes from the memory's own start.
   * @param address of the sram block
   * @param selector rank of the element in its block, by offset
   */
  memory(address: number, selector: number): WideSyncPlatform
}

/** As `SyncMemories`, for what answers later. */
export interface AsyncMemories {
  memory(address: number, selector: number): WideAsyncPlatform
}

/** One access as an observer sees it. */
export interface RegisterAccess {
  readonly kind: 'read' | 'write'
  /** In a memory: from its start. */
  readonly address: number
  readonly widthBits: number
  readonly value: number | bigint
  /** When it is sram that is reached. */
  readonly memory?: { readonly address: number; readonly selector: number }
}

/** A platform that tells `observe` of every access after it was made. For traces and probes. */
export class ObservedPlatform implements WideSyncPlatform, SyncMemories {
  readonly #platform: WideSyncPlatform & Partial<SyncMemories>
  readonly #observe: (access: RegisterAccess) => void

  constructor(platform: WideSyncPlatform & Partial<SyncMemories>, observe: (access: RegisterAccess) => void) {
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

  /** @throws RangeError when the observed platform has no memories */
  memory(address: number, selector: number): ObservedPlatform {
    const memory = this.#platform.memory?.(address, selector)
    if (memory === undefined) throw new RangeError(`memory(${address}, ${selector}): this platform has no memories`)
    return new ObservedPlatform(memory, (access) => this.#observe({ ...access, memory: { address, selector } }))
  }
}
