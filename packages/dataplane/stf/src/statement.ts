/** Statements of an STF file (simple test framework of p4c, with the commands that BMv2's runner adds), as data. */

/** 1-based. */
export interface StfPosition {
  readonly line: number
  readonly column: number
}

/** A number as it was written: `0x0a**`, `0b1*`, `10`; what it means depends on the key it is for. */
export interface StfMatch {
  /** Of the key: `ipv4.dst`, `stack[0].f`. */
  readonly key: string
  readonly value: string
  /** After a slash, for longest-prefix keys. */
  readonly prefixLength?: number
}

export interface StfAction {
  readonly name: string
  readonly arguments: readonly { readonly name: string; readonly value: bigint }[]
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

export type StfStatement = { readonly at: StfPosition } & (
  | {
      readonly kind: 'add'
      readonly table: string
      /** The larger wins. */
      readonly priority?: number
      readonly matches: readonly StfMatch[]
      readonly action: StfAction
      /** By which `check_counter` names the entry. */
      readonly id?: string
    }
  | { readonly kind: 'setdefault'; readonly table: string; readonly action: StfAction }
  | { readonly kind: 'remove' }
  | { readonly kind: 'packet'; readonly port: number; readonly bytes: Uint8Array }
  /** `data` undefined: any packet. Nibbles in lower case, `*` for any. */
  | { readonly kind: 'expect'; readonly port: number; readonly data: string | undefined; readonly isWhole: boolean }
  | { readonly kind: 'noPacket' }
  | { readonly kind: 'wait' }
  | {
      readonly kind: 'checkCounter'
      readonly counter: string
      /** A cell, or the id of an entry. */
      readonly index: number | string
      readonly check?: { readonly unit: 'bytes' | 'packets'; readonly comparison: Comparison; readonly value: bigint }
    }
  | { readonly kind: 'mirroringAdd'; readonly session: number; readonly port: number }
  | { readonly kind: 'mirroringAddMc'; readonly session: number; readonly group: number }
  | { readonly kind: 'mirroringDelete' | 'mirroringGet'; readonly session: number }
  | { readonly kind: 'groupCreate'; readonly group: number }
  | { readonly kind: 'nodeCreate'; readonly instance: number; readonly ports: readonly number[] }
  | { readonly kind: 'nodeUpdate'; readonly handle: number; readonly ports: readonly number[] }
  | { readonly kind: 'nodeAssociate'; readonly group: number; readonly handle: number }
  /** `expected`: our own addition, `register_read r 0 == 5`; strict runs check it. */
  | {
      readonly kind: 'registerRead'
      readonly name: string
      readonly index: number
      readonly expected?: { readonly comparison: Comparison; readonly value: bigint }
    }
  | { readonly kind: 'registerWrite'; readonly name: string; readonly index: number; readonly value: bigint }
  | { readonly kind: 'registerReset'; readonly name: string }
  | { readonly kind: 'counterRead'; readonly name: string; readonly index: number }
  | { readonly kind: 'meterGetRates'; readonly name: string; readonly index: number }
  | {
      readonly kind: 'counterWrite'
      readonly name: string
      readonly index: number
      readonly packets: number
      readonly bytes: number
    }
  | {
      readonly kind: 'meterSetRates'
      readonly name: string
      /** Undefined: all cells. */
      readonly index: number | undefined
      /** Committed, then peak; rates in units per microsecond. */
      readonly rates: readonly { readonly rate: number; readonly burst: number }[]
    }
)

export interface StfError {
  readonly at: StfPosition
  readonly message: string
}
