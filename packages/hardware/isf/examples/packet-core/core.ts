/** Made from core.isf by @lodestone/isf; do not edit. */
import {
  assembleProgram,
  disassembleWords,
  type AssembleOptions,
  type AssembleResult,
  type DisassembledWord,
  type InstructionSet,
  type InstructionSyntax,
  type Timing,
} from '../../src/index.ts'

export const WORD_BITS = 32

/** 32 bits, unsigned. */
export type Word = number

declare const brand: unique symbol

/** General-purpose register of 32 bits, r0 to r15. */
export type Register = number & { readonly [brand]: 'Register' }

/** Whether a number is a Register: 0 to 15. */
export function isRegister(value: number): value is Register {
  return Number.isInteger(value) && value >= 0 && value <= 15
}

/** @throws RangeError unless `value` is 0 to 15. */
export function toRegister(value: number): Register {
  if (!isRegister(value)) throw new RangeError(`Register is 0 to 15, not ${String(value)}`)
  return value
}

/** Lookup table, t0 to t7. */
export type Table = number & { readonly [brand]: 'Table' }

/** Whether a number is a Table: 0 to 7. */
export function isTable(value: number): value is Table {
  return Number.isInteger(value) && value >= 0 && value <= 7
}

/** @throws RangeError unless `value` is 0 to 7. */
export function toTable(value: number): Table {
  if (!isTable(value)) throw new RangeError(`Table is 0 to 7, not ${String(value)}`)
  return value
}

/** dst = a + b, modulo 2^32. */
export interface Add {
  readonly kind: 'Add'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a - b, modulo 2^32. */
export interface Sub {
  readonly kind: 'Sub'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a and b, bit by bit. */
export interface And {
  readonly kind: 'And'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a or b, bit by bit. */
export interface Or {
  readonly kind: 'Or'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a exclusive or b, bit by bit. */
export interface Xor {
  readonly kind: 'Xor'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a shifted left by the low five bits of b. */
export interface Shl {
  readonly kind: 'Shl'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a shifted right by the low five bits of b; zeros come in. */
export interface Shr {
  readonly kind: 'Shr'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = the low 32 bits of a times b. */
export interface Mul {
  readonly kind: 'Mul'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = 1 when a is less than b, both unsigned, else 0. */
export interface Slt {
  readonly kind: 'Slt'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = a + value, modulo 2^32. */
export interface AddImmediate {
  readonly kind: 'AddImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a - value, modulo 2^32. */
export interface SubImmediate {
  readonly kind: 'SubImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a and value; the high half becomes zero. */
export interface AndImmediate {
  readonly kind: 'AndImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a or value. */
export interface OrImmediate {
  readonly kind: 'OrImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a exclusive or value. */
export interface XorImmediate {
  readonly kind: 'XorImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a shifted left by the low five bits of value. */
export interface ShlImmediate {
  readonly kind: 'ShlImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a shifted right by the low five bits of value; zeros come in. */
export interface ShrImmediate {
  readonly kind: 'ShrImmediate'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /**
   * The second operand, unsigned.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = value, or value in the high half with .hi; the other half keeps its bits only with .keep. */
export interface MoveImmediate {
  readonly kind: 'MoveImmediate'
  /** The register that gets the value. */
  readonly dst: Register
  /** Put the value in the high half. */
  readonly hi: boolean
  /** Leave the other half as it is. */
  readonly keep: boolean
  /**
   * The value.
   * 0 to 65535.
   */
  readonly value: number
}

/** dst = a. */
export interface Move {
  readonly kind: 'Move'
  /** The register that gets the result. */
  readonly dst: Register
  /** The operand. */
  readonly a: Register
}

/** dst = a with every bit inverted. */
export interface Not {
  readonly kind: 'Not'
  /** The register that gets the result. */
  readonly dst: Register
  /** The operand. */
  readonly a: Register
}

/** dst = a byte of the packet. */
export interface LoadByte {
  readonly kind: 'LoadByte'
  /** The register that gets the value; its upper bits become zero. */
  readonly dst: Register
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** Take the bytes in the opposite order. */
  readonly little: boolean
}

/** dst = two bytes of the packet. */
export interface LoadHalf {
  readonly kind: 'LoadHalf'
  /** The register that gets the value; its upper bits become zero. */
  readonly dst: Register
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** Take the bytes in the opposite order. */
  readonly little: boolean
}

/** dst = four bytes of the packet. */
export interface LoadWord {
  readonly kind: 'LoadWord'
  /** The register that gets the value; its upper bits become zero. */
  readonly dst: Register
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** Take the bytes in the opposite order. */
  readonly little: boolean
}

/** A byte of the packet = src. */
export interface StoreByte {
  readonly kind: 'StoreByte'
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** The register whose low bits are stored. */
  readonly src: Register
  /** Store the bytes in the opposite order. */
  readonly little: boolean
}

/** Two bytes of the packet = src. */
export interface StoreHalf {
  readonly kind: 'StoreHalf'
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** The register whose low bits are stored. */
  readonly src: Register
  /** Store the bytes in the opposite order. */
  readonly little: boolean
}

/** Four bytes of the packet = src. */
export interface StoreWord {
  readonly kind: 'StoreWord'
  /** The register with the address of a byte. */
  readonly base: Register
  /**
   * Added to the address.
   * 0 to 4095.
   */
  readonly offset: number
  /** The register whose low bits are stored. */
  readonly src: Register
  /** Store the bytes in the opposite order. */
  readonly little: boolean
}

/** dst = the length of the packet in bytes. */
export interface Length {
  readonly kind: 'Length'
  /** The register that gets the length. */
  readonly dst: Register
}

/** Puts zero bytes before the packet; without room for them it is dropped with reason 2. */
export interface Push {
  readonly kind: 'Push'
  /**
   * How many bytes.
   * 0 to 255.
   */
  readonly count: number
}

/** Takes bytes off the front; a shorter packet is dropped with reason 1. */
export interface Pull {
  readonly kind: 'Pull'
  /**
   * How many bytes.
   * 0 to 255.
   */
  readonly count: number
}

/** dst = scratch word: the address is a constant, plus a register when one is given. */
export interface ScratchLoad {
  readonly kind: 'ScratchLoad'
  /** The register that gets the word. */
  readonly dst: Register
  /**
   * The address of the word.
   * 0 to 255.
   */
  readonly address: number
  /**
   * The register added to the address.
   * 0 to 15; undefined when absent.
   */
  readonly index: number | undefined
}

/** Scratch word = src: the address is a constant, plus a register when one is given. */
export interface ScratchStore {
  readonly kind: 'ScratchStore'
  /** The register with the value. */
  readonly src: Register
  /**
   * The address of the word.
   * 0 to 255.
   */
  readonly address: number
  /**
   * The register added to the address.
   * 0 to 15; undefined when absent.
   */
  readonly index: number | undefined
}

/** dst = the Internet checksum (RFC 1071) of packet bytes, complemented unless .raw. */
export interface Checksum {
  readonly kind: 'Checksum'
  /** The register that gets the checksum. */
  readonly dst: Register
  /** The register with the address of the first byte. */
  readonly base: Register
  /** The register with the number of bytes. */
  readonly count: Register
  /** Leave the sum as it is. */
  readonly raw: boolean
}

/** dst = a mixed with b; for choosing among equal paths. */
export interface Hash {
  readonly kind: 'Hash'
  /** The register that gets the result. */
  readonly dst: Register
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
}

/** dst = what a table holds for the key, and on to the next instruction; a miss goes to a target. */
export interface Lookup {
  readonly kind: 'Lookup'
  /** The register that gets the value. */
  readonly dst: Register
  /** The table. */
  readonly table: Table
  /** The register with the key. */
  readonly key: Register
  /**
   * Where to go when the table does not have the key.
   * 0 to 4095.
   */
  readonly miss: number
}

/** Goes to the target when a = b. */
export interface BranchEqual {
  readonly kind: 'BranchEqual'
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the target when a and b differ. */
export interface BranchNotEqual {
  readonly kind: 'BranchNotEqual'
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the target when a is less than b, both unsigned. */
export interface BranchLess {
  readonly kind: 'BranchLess'
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the target when a is b or more, both unsigned. */
export interface BranchNotLess {
  readonly kind: 'BranchNotLess'
  /** The first operand. */
  readonly a: Register
  /** The second operand. */
  readonly b: Register
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the target. */
export interface Jump {
  readonly kind: 'Jump'
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the target; the address of the next word is kept in r15. */
export interface Call {
  readonly kind: 'Call'
  /**
   * The address to go to, in words.
   * 0 to 16383.
   */
  readonly target: number
}

/** Goes to the address in r15. */
export interface Return {
  readonly kind: 'Return'
}

/** Does nothing. */
export interface Nop {
  readonly kind: 'Nop'
}

/** Sends a copy of the packet, as it is now, to the port in a register, and goes on. */
export interface Mirror {
  readonly kind: 'Mirror'
  /** The register with the port. */
  readonly port: Register
}

/** Sends the packet to the port in a register. The core halts. */
export interface Forward {
  readonly kind: 'Forward'
  /** The register with the port. */
  readonly port: Register
}

/** Drops the packet, with a reason when one is given. The core halts. */
export interface Drop {
  readonly kind: 'Drop'
  /**
   * The reason, for counters.
   * 0 to 255; undefined when absent.
   */
  readonly reason: number | undefined
}

/** Counts: counter = counter + 1. */
export interface Count {
  readonly kind: 'Count'
  /**
   * The counter.
   * 0 to 255.
   */
  readonly counter: number
}

export type Instruction =
  | Add
  | Sub
  | And
  | Or
  | Xor
  | Shl
  | Shr
  | Mul
  | Slt
  | AddImmediate
  | SubImmediate
  | AndImmediate
  | OrImmediate
  | XorImmediate
  | ShlImmediate
  | ShrImmediate
  | MoveImmediate
  | Move
  | Not
  | LoadByte
  | LoadHalf
  | LoadWord
  | StoreByte
  | StoreHalf
  | StoreWord
  | Length
  | Push
  | Pull
  | ScratchLoad
  | ScratchStore
  | Checksum
  | Hash
  | Lookup
  | BranchEqual
  | BranchNotEqual
  | BranchLess
  | BranchNotLess
  | Jump
  | Call
  | Return
  | Nop
  | Mirror
  | Forward
  | Drop
  | Count

/** What each instruction costs. */
export const TIMING: Readonly<Record<Instruction['kind'], Timing>> = {
  Add: { kind: 'cycle', count: 1 },
  Sub: { kind: 'cycle', count: 1 },
  And: { kind: 'cycle', count: 1 },
  Or: { kind: 'cycle', count: 1 },
  Xor: { kind: 'cycle', count: 1 },
  Shl: { kind: 'cycle', count: 1 },
  Shr: { kind: 'cycle', count: 1 },
  Mul: { kind: 'cycle', count: 3 },
  Slt: { kind: 'cycle', count: 1 },
  AddImmediate: { kind: 'cycle', count: 1 },
  SubImmediate: { kind: 'cycle', count: 1 },
  AndImmediate: { kind: 'cycle', count: 1 },
  OrImmediate: { kind: 'cycle', count: 1 },
  XorImmediate: { kind: 'cycle', count: 1 },
  ShlImmediate: { kind: 'cycle', count: 1 },
  ShrImmediate: { kind: 'cycle', count: 1 },
  MoveImmediate: { kind: 'cycle', count: 1 },
  Move: { kind: 'cycle', count: 1 },
  Not: { kind: 'cycle', count: 1 },
  LoadByte: { kind: 'cycle', count: 2 },
  LoadHalf: { kind: 'cycle', count: 2 },
  LoadWord: { kind: 'cycle', count: 2 },
  StoreByte: { kind: 'cycle', count: 2 },
  StoreHalf: { kind: 'cycle', count: 2 },
  StoreWord: { kind: 'cycle', count: 2 },
  Length: { kind: 'cycle', count: 1 },
  Push: { kind: 'cycle', count: 4 },
  Pull: { kind: 'cycle', count: 4 },
  ScratchLoad: { kind: 'cycle', count: 1 },
  ScratchStore: { kind: 'cycle', count: 1 },
  Checksum: { kind: 'multi' },
  Hash: { kind: 'cycle', count: 4 },
  Lookup: { kind: 'async' },
  BranchEqual: { kind: 'cycle', count: 2 },
  BranchNotEqual: { kind: 'cycle', count: 2 },
  BranchLess: { kind: 'cycle', count: 2 },
  BranchNotLess: { kind: 'cycle', count: 2 },
  Jump: { kind: 'cycle', count: 2 },
  Call: { kind: 'cycle', count: 2 },
  Return: { kind: 'cycle', count: 2 },
  Nop: { kind: 'cycle', count: 1 },
  Mirror: { kind: 'async' },
  Forward: { kind: 'async' },
  Drop: { kind: 'cycle', count: 1 },
  Count: { kind: 'cycle', count: 1 },
}

function reject(kind: string, field: string, value: number | bigint, max: string): never {
  throw new RangeError(`${kind}: '${field}' takes 0 to ${max}, not ${String(value)}`)
}

/** The instruction of a word; undefined when it is none. Bits without meaning are ignored. Never throws. */
export function decode(word: Word): Instruction | undefined {
  const w0 = word >>> 0
  if (w0 !== word) return undefined
  switch (w0 & 0x7f) {
    case 0: {
      if ((w0 & 0xffffff80) >>> 0 === 0) return decodeNop(w0)
      return undefined
    }
    case 1: {
      return decodeAdd(w0)
    }
    case 2: {
      return decodeSub(w0)
    }
    case 3: {
      return decodeAnd(w0)
    }
    case 4: {
      return decodeOr(w0)
    }
    case 5: {
      return decodeXor(w0)
    }
    case 6: {
      return decodeShl(w0)
    }
    case 7: {
      return decodeShr(w0)
    }
    case 8: {
      return decodeMul(w0)
    }
    case 9: {
      return decodeSlt(w0)
    }
    case 0x11: {
      return decodeAddImmediate(w0)
    }
    case 0x12: {
      return decodeSubImmediate(w0)
    }
    case 0x13: {
      return decodeAndImmediate(w0)
    }
    case 0x14: {
      return decodeOrImmediate(w0)
    }
    case 0x15: {
      return decodeXorImmediate(w0)
    }
    case 0x16: {
      return decodeShlImmediate(w0)
    }
    case 0x17: {
      return decodeShrImmediate(w0)
    }
    case 0x20: {
      return decodeMoveImmediate(w0)
    }
    case 0x21: {
      return decodeMove(w0)
    }
    case 0x22: {
      return decodeNot(w0)
    }
    case 0x30: {
      return decodeLoadByte(w0)
    }
    case 0x31: {
      return decodeLoadHalf(w0)
    }
    case 0x32: {
      return decodeLoadWord(w0)
    }
    case 0x33: {
      return decodeStoreByte(w0)
    }
    case 0x34: {
      return decodeStoreHalf(w0)
    }
    case 0x35: {
      return decodeStoreWord(w0)
    }
    case 0x36: {
      return decodeLength(w0)
    }
    case 0x38: {
      return decodePush(w0)
    }
    case 0x39: {
      return decodePull(w0)
    }
    case 0x40: {
      return decodeScratchLoad(w0)
    }
    case 0x41: {
      return decodeScratchStore(w0)
    }
    case 0x48: {
      return decodeChecksum(w0)
    }
    case 0x49: {
      return decodeHash(w0)
    }
    case 0x4a: {
      return decodeLookup(w0)
    }
    case 0x50: {
      return decodeBranchEqual(w0)
    }
    case 0x51: {
      return decodeBranchNotEqual(w0)
    }
    case 0x52: {
      return decodeBranchLess(w0)
    }
    case 0x53: {
      return decodeBranchNotLess(w0)
    }
    case 0x54: {
      return decodeJump(w0)
    }
    case 0x55: {
      return decodeCall(w0)
    }
    case 0x56: {
      return decodeReturn(w0)
    }
    case 0x60: {
      return decodeMirror(w0)
    }
    case 0x61: {
      return decodeForward(w0)
    }
    case 0x62: {
      return decodeDrop(w0)
    }
    case 0x63: {
      return decodeCount(w0)
    }
  }
  return undefined
}

function decodeAdd(w0: number): Add {
  return {
    kind: 'Add',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeSub(w0: number): Sub {
  return {
    kind: 'Sub',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeAnd(w0: number): And {
  return {
    kind: 'And',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeOr(w0: number): Or {
  return {
    kind: 'Or',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeXor(w0: number): Xor {
  return {
    kind: 'Xor',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeShl(w0: number): Shl {
  return {
    kind: 'Shl',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeShr(w0: number): Shr {
  return {
    kind: 'Shr',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeMul(w0: number): Mul {
  return {
    kind: 'Mul',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeSlt(w0: number): Slt {
  return {
    kind: 'Slt',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeAddImmediate(w0: number): AddImmediate {
  return {
    kind: 'AddImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeSubImmediate(w0: number): SubImmediate {
  return {
    kind: 'SubImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeAndImmediate(w0: number): AndImmediate {
  return {
    kind: 'AndImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeOrImmediate(w0: number): OrImmediate {
  return {
    kind: 'OrImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeXorImmediate(w0: number): XorImmediate {
  return {
    kind: 'XorImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeShlImmediate(w0: number): ShlImmediate {
  return {
    kind: 'ShlImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeShrImmediate(w0: number): ShrImmediate {
  return {
    kind: 'ShrImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    value: w0 >>> 16,
  }
}

function decodeMoveImmediate(w0: number): MoveImmediate {
  return {
    kind: 'MoveImmediate',
    dst: ((w0 >>> 8) & 0xf) as Register,
    hi: ((w0 >>> 7) & 1) === 1,
    keep: ((w0 >>> 12) & 1) === 1,
    value: w0 >>> 16,
  }
}

function decodeMove(w0: number): Move {
  return { kind: 'Move', dst: ((w0 >>> 8) & 0xf) as Register, a: ((w0 >>> 12) & 0xf) as Register }
}

function decodeNot(w0: number): Not {
  return { kind: 'Not', dst: ((w0 >>> 8) & 0xf) as Register, a: ((w0 >>> 12) & 0xf) as Register }
}

function decodeLoadByte(w0: number): LoadByte {
  return {
    kind: 'LoadByte',
    dst: ((w0 >>> 8) & 0xf) as Register,
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeLoadHalf(w0: number): LoadHalf {
  return {
    kind: 'LoadHalf',
    dst: ((w0 >>> 8) & 0xf) as Register,
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeLoadWord(w0: number): LoadWord {
  return {
    kind: 'LoadWord',
    dst: ((w0 >>> 8) & 0xf) as Register,
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeStoreByte(w0: number): StoreByte {
  return {
    kind: 'StoreByte',
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    src: ((w0 >>> 8) & 0xf) as Register,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeStoreHalf(w0: number): StoreHalf {
  return {
    kind: 'StoreHalf',
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    src: ((w0 >>> 8) & 0xf) as Register,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeStoreWord(w0: number): StoreWord {
  return {
    kind: 'StoreWord',
    base: ((w0 >>> 12) & 0xf) as Register,
    offset: (w0 >>> 16) & 0xfff,
    src: ((w0 >>> 8) & 0xf) as Register,
    little: ((w0 >>> 7) & 1) === 1,
  }
}

function decodeLength(w0: number): Length {
  return { kind: 'Length', dst: ((w0 >>> 8) & 0xf) as Register }
}

function decodePush(w0: number): Push {
  return { kind: 'Push', count: (w0 >>> 8) & 0xff }
}

function decodePull(w0: number): Pull {
  return { kind: 'Pull', count: (w0 >>> 8) & 0xff }
}

function decodeScratchLoad(w0: number): ScratchLoad {
  return {
    kind: 'ScratchLoad',
    dst: ((w0 >>> 8) & 0xf) as Register,
    address: (w0 >>> 16) & 0xff,
    index: ((w0 >>> 7) & 1) === 1 ? (w0 >>> 12) & 0xf : undefined,
  }
}

function decodeScratchStore(w0: number): ScratchStore {
  return {
    kind: 'ScratchStore',
    src: ((w0 >>> 8) & 0xf) as Register,
    address: (w0 >>> 16) & 0xff,
    index: ((w0 >>> 7) & 1) === 0 ? (w0 >>> 12) & 0xf : undefined,
  }
}

function decodeChecksum(w0: number): Checksum {
  return {
    kind: 'Checksum',
    dst: ((w0 >>> 8) & 0xf) as Register,
    base: ((w0 >>> 12) & 0xf) as Register,
    count: ((w0 >>> 16) & 0xf) as Register,
    raw: ((w0 >>> 7) & 1) !== 1,
  }
}

function decodeHash(w0: number): Hash {
  return {
    kind: 'Hash',
    dst: ((w0 >>> 8) & 0xf) as Register,
    a: ((w0 >>> 12) & 0xf) as Register,
    b: ((w0 >>> 16) & 0xf) as Register,
  }
}

function decodeLookup(w0: number): Lookup {
  return {
    kind: 'Lookup',
    dst: ((w0 >>> 8) & 0xf) as Register,
    table: ((w0 >>> 16) & 7) as Table,
    key: ((w0 >>> 12) & 0xf) as Register,
    miss: ((w0 >>> 20) & 0x3f) | ((w0 >>> 26) << 6),
  }
}

function decodeBranchEqual(w0: number): BranchEqual {
  return {
    kind: 'BranchEqual',
    a: ((w0 >>> 11) & 0xf) as Register,
    b: ((w0 >>> 15) & 0xf) as Register,
    target: ((w0 >>> 7) & 0xf) | (((w0 >>> 19) & 0x3ff) << 4),
  }
}

function decodeBranchNotEqual(w0: number): BranchNotEqual {
  return {
    kind: 'BranchNotEqual',
    a: ((w0 >>> 11) & 0xf) as Register,
    b: ((w0 >>> 15) & 0xf) as Register,
    target: ((w0 >>> 7) & 0xf) | (((w0 >>> 19) & 0x3ff) << 4),
  }
}

function decodeBranchLess(w0: number): BranchLess {
  return {
    kind: 'BranchLess',
    a: ((w0 >>> 11) & 0xf) as Register,
    b: ((w0 >>> 15) & 0xf) as Register,
    target: ((w0 >>> 7) & 0xf) | (((w0 >>> 19) & 0x3ff) << 4),
  }
}

function decodeBranchNotLess(w0: number): BranchNotLess {
  return {
    kind: 'BranchNotLess',
    a: ((w0 >>> 11) & 0xf) as Register,
    b: ((w0 >>> 15) & 0xf) as Register,
    target: ((w0 >>> 7) & 0xf) | (((w0 >>> 19) & 0x3ff) << 4),
  }
}

function decodeJump(w0: number): Jump {
  return { kind: 'Jump', target: (w0 >>> 8) & 0x3fff }
}

function decodeCall(w0: number): Call {
  return { kind: 'Call', target: (w0 >>> 8) & 0x3fff }
}

function decodeReturn(_w0: number): Return {
  return { kind: 'Return' }
}

function decodeNop(_w0: number): Nop {
  return { kind: 'Nop' }
}

function decodeMirror(w0: number): Mirror {
  return { kind: 'Mirror', port: ((w0 >>> 8) & 0xf) as Register }
}

function decodeForward(w0: number): Forward {
  return { kind: 'Forward', port: ((w0 >>> 8) & 0xf) as Register }
}

function decodeDrop(w0: number): Drop {
  return { kind: 'Drop', reason: ((w0 >>> 7) & 1) === 1 ? (w0 >>> 8) & 0xff : undefined }
}

function decodeCount(w0: number): Count {
  return { kind: 'Count', counter: (w0 >>> 8) & 0xff }
}

/**
 * The word of an instruction.
 * @throws RangeError when a field does not fit.
 */
export function encode(i: Instruction): Word {
  switch (i.kind) {
    case 'Add':
      return encodeAdd(i)
    case 'Sub':
      return encodeSub(i)
    case 'And':
      return encodeAnd(i)
    case 'Or':
      return encodeOr(i)
    case 'Xor':
      return encodeXor(i)
    case 'Shl':
      return encodeShl(i)
    case 'Shr':
      return encodeShr(i)
    case 'Mul':
      return encodeMul(i)
    case 'Slt':
      return encodeSlt(i)
    case 'AddImmediate':
      return encodeAddImmediate(i)
    case 'SubImmediate':
      return encodeSubImmediate(i)
    case 'AndImmediate':
      return encodeAndImmediate(i)
    case 'OrImmediate':
      return encodeOrImmediate(i)
    case 'XorImmediate':
      return encodeXorImmediate(i)
    case 'ShlImmediate':
      return encodeShlImmediate(i)
    case 'ShrImmediate':
      return encodeShrImmediate(i)
    case 'MoveImmediate':
      return encodeMoveImmediate(i)
    case 'Move':
      return encodeMove(i)
    case 'Not':
      return encodeNot(i)
    case 'LoadByte':
      return encodeLoadByte(i)
    case 'LoadHalf':
      return encodeLoadHalf(i)
    case 'LoadWord':
      return encodeLoadWord(i)
    case 'StoreByte':
      return encodeStoreByte(i)
    case 'StoreHalf':
      return encodeStoreHalf(i)
    case 'StoreWord':
      return encodeStoreWord(i)
    case 'Length':
      return encodeLength(i)
    case 'Push':
      return encodePush(i)
    case 'Pull':
      return encodePull(i)
    case 'ScratchLoad':
      return encodeScratchLoad(i)
    case 'ScratchStore':
      return encodeScratchStore(i)
    case 'Checksum':
      return encodeChecksum(i)
    case 'Hash':
      return encodeHash(i)
    case 'Lookup':
      return encodeLookup(i)
    case 'BranchEqual':
      return encodeBranchEqual(i)
    case 'BranchNotEqual':
      return encodeBranchNotEqual(i)
    case 'BranchLess':
      return encodeBranchLess(i)
    case 'BranchNotLess':
      return encodeBranchNotLess(i)
    case 'Jump':
      return encodeJump(i)
    case 'Call':
      return encodeCall(i)
    case 'Return':
      return encodeReturn(i)
    case 'Nop':
      return encodeNop(i)
    case 'Mirror':
      return encodeMirror(i)
    case 'Forward':
      return encodeForward(i)
    case 'Drop':
      return encodeDrop(i)
    case 'Count':
      return encodeCount(i)
  }
}

function encodeAdd(i: Add): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Add', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Add', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Add', 'b', v2, '15')
  return (1 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeSub(i: Sub): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Sub', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Sub', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Sub', 'b', v2, '15')
  return (2 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeAnd(i: And): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('And', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('And', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('And', 'b', v2, '15')
  return (3 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeOr(i: Or): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Or', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Or', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Or', 'b', v2, '15')
  return (4 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeXor(i: Xor): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Xor', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Xor', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Xor', 'b', v2, '15')
  return (5 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeShl(i: Shl): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Shl', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Shl', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Shl', 'b', v2, '15')
  return (6 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeShr(i: Shr): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Shr', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Shr', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Shr', 'b', v2, '15')
  return (7 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeMul(i: Mul): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Mul', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Mul', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Mul', 'b', v2, '15')
  return (8 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeSlt(i: Slt): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Slt', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Slt', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Slt', 'b', v2, '15')
  return (9 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeAddImmediate(i: AddImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('AddImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('AddImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('AddImmediate', 'value', v2, '65535')
  return (0x11 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeSubImmediate(i: SubImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('SubImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('SubImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('SubImmediate', 'value', v2, '65535')
  return (0x12 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeAndImmediate(i: AndImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('AndImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('AndImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('AndImmediate', 'value', v2, '65535')
  return (0x13 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeOrImmediate(i: OrImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('OrImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('OrImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('OrImmediate', 'value', v2, '65535')
  return (0x14 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeXorImmediate(i: XorImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('XorImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('XorImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('XorImmediate', 'value', v2, '65535')
  return (0x15 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeShlImmediate(i: ShlImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('ShlImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('ShlImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('ShlImmediate', 'value', v2, '65535')
  return (0x16 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeShrImmediate(i: ShrImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('ShrImmediate', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('ShrImmediate', 'a', v1, '15')
  const v2 = i.value
  if (v2 >>> 0 !== v2 || v2 > 0xffff) reject('ShrImmediate', 'value', v2, '65535')
  return (0x17 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeMoveImmediate(i: MoveImmediate): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('MoveImmediate', 'dst', v0, '15')
  const v1 = i.hi ? 1 : 0
  const v2 = i.keep ? 1 : 0
  const v3 = i.value
  if (v3 >>> 0 !== v3 || v3 > 0xffff) reject('MoveImmediate', 'value', v3, '65535')
  return (0x20 | (v1 << 7) | (v0 << 8) | (v2 << 12) | (v3 << 16)) >>> 0
}

function encodeMove(i: Move): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Move', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Move', 'a', v1, '15')
  return (0x21 | (v0 << 8) | (v1 << 12)) >>> 0
}

function encodeNot(i: Not): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Not', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Not', 'a', v1, '15')
  return (0x22 | (v0 << 8) | (v1 << 12)) >>> 0
}

function encodeLoadByte(i: LoadByte): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('LoadByte', 'dst', v0, '15')
  const v1: number = i.base
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('LoadByte', 'base', v1, '15')
  const v2 = i.offset
  if (v2 >>> 0 !== v2 || v2 > 0xfff) reject('LoadByte', 'offset', v2, '4095')
  const v3 = i.little ? 1 : 0
  return (0x30 | (v3 << 7) | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeLoadHalf(i: LoadHalf): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('LoadHalf', 'dst', v0, '15')
  const v1: number = i.base
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('LoadHalf', 'base', v1, '15')
  const v2 = i.offset
  if (v2 >>> 0 !== v2 || v2 > 0xfff) reject('LoadHalf', 'offset', v2, '4095')
  const v3 = i.little ? 1 : 0
  return (0x31 | (v3 << 7) | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeLoadWord(i: LoadWord): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('LoadWord', 'dst', v0, '15')
  const v1: number = i.base
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('LoadWord', 'base', v1, '15')
  const v2 = i.offset
  if (v2 >>> 0 !== v2 || v2 > 0xfff) reject('LoadWord', 'offset', v2, '4095')
  const v3 = i.little ? 1 : 0
  return (0x32 | (v3 << 7) | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeStoreByte(i: StoreByte): Word {
  const v0: number = i.base
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('StoreByte', 'base', v0, '15')
  const v1 = i.offset
  if (v1 >>> 0 !== v1 || v1 > 0xfff) reject('StoreByte', 'offset', v1, '4095')
  const v2: number = i.src
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('StoreByte', 'src', v2, '15')
  const v3 = i.little ? 1 : 0
  return (0x33 | (v3 << 7) | (v2 << 8) | (v0 << 12) | (v1 << 16)) >>> 0
}

function encodeStoreHalf(i: StoreHalf): Word {
  const v0: number = i.base
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('StoreHalf', 'base', v0, '15')
  const v1 = i.offset
  if (v1 >>> 0 !== v1 || v1 > 0xfff) reject('StoreHalf', 'offset', v1, '4095')
  const v2: number = i.src
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('StoreHalf', 'src', v2, '15')
  const v3 = i.little ? 1 : 0
  return (0x34 | (v3 << 7) | (v2 << 8) | (v0 << 12) | (v1 << 16)) >>> 0
}

function encodeStoreWord(i: StoreWord): Word {
  const v0: number = i.base
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('StoreWord', 'base', v0, '15')
  const v1 = i.offset
  if (v1 >>> 0 !== v1 || v1 > 0xfff) reject('StoreWord', 'offset', v1, '4095')
  const v2: number = i.src
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('StoreWord', 'src', v2, '15')
  const v3 = i.little ? 1 : 0
  return (0x35 | (v3 << 7) | (v2 << 8) | (v0 << 12) | (v1 << 16)) >>> 0
}

function encodeLength(i: Length): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Length', 'dst', v0, '15')
  return (0x36 | (v0 << 8)) >>> 0
}

function encodePush(i: Push): Word {
  const v0 = i.count
  if (v0 >>> 0 !== v0 || v0 > 0xff) reject('Push', 'count', v0, '255')
  return (0x38 | (v0 << 8)) >>> 0
}

function encodePull(i: Pull): Word {
  const v0 = i.count
  if (v0 >>> 0 !== v0 || v0 > 0xff) reject('Pull', 'count', v0, '255')
  return (0x39 | (v0 << 8)) >>> 0
}

function encodeScratchLoad(i: ScratchLoad): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('ScratchLoad', 'dst', v0, '15')
  const v1 = i.address
  if (v1 >>> 0 !== v1 || v1 > 0xff) reject('ScratchLoad', 'address', v1, '255')
  const v2 = i.index ?? 0
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('ScratchLoad', 'index', v2, '15')
  return (0x40 | ((i.index === undefined ? 0 : 1) << 7) | (v0 << 8) | (v2 << 12) | (v1 << 16)) >>> 0
}

function encodeScratchStore(i: ScratchStore): Word {
  const v0: number = i.src
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('ScratchStore', 'src', v0, '15')
  const v1 = i.address
  if (v1 >>> 0 !== v1 || v1 > 0xff) reject('ScratchStore', 'address', v1, '255')
  const v2 = i.index ?? 0
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('ScratchStore', 'index', v2, '15')
  return (0x41 | ((i.index === undefined ? 1 : 0) << 7) | (v0 << 8) | (v2 << 12) | (v1 << 16)) >>> 0
}

function encodeChecksum(i: Checksum): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Checksum', 'dst', v0, '15')
  const v1: number = i.base
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Checksum', 'base', v1, '15')
  const v2: number = i.count
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Checksum', 'count', v2, '15')
  const v3 = i.raw ? 1 : 0
  return (0x48 | ((v3 ^ 1) << 7) | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeHash(i: Hash): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Hash', 'dst', v0, '15')
  const v1: number = i.a
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('Hash', 'a', v1, '15')
  const v2: number = i.b
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Hash', 'b', v2, '15')
  return (0x49 | (v0 << 8) | (v1 << 12) | (v2 << 16)) >>> 0
}

function encodeLookup(i: Lookup): Word {
  const v0: number = i.dst
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Lookup', 'dst', v0, '15')
  const v1: number = i.table
  if (v1 >>> 0 !== v1 || v1 > 7) reject('Lookup', 'table', v1, '7')
  const v2: number = i.key
  if (v2 >>> 0 !== v2 || v2 > 0xf) reject('Lookup', 'key', v2, '15')
  const v3 = i.miss
  if (v3 >>> 0 !== v3 || v3 > 0xfff) reject('Lookup', 'miss', v3, '4095')
  return (0x4a | (v0 << 8) | (v2 << 12) | (v1 << 16) | ((v3 & 0x3f) << 20) | (((v3 >>> 6) & 0x3f) << 26)) >>> 0
}

function encodeBranchEqual(i: BranchEqual): Word {
  const v0: number = i.a
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('BranchEqual', 'a', v0, '15')
  const v1: number = i.b
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('BranchEqual', 'b', v1, '15')
  const v2 = i.target
  if (v2 >>> 0 !== v2 || v2 > 0x3fff) reject('BranchEqual', 'target', v2, '16383')
  return (0x50 | ((v2 & 0xf) << 7) | (v0 << 11) | (v1 << 15) | (((v2 >>> 4) & 0x3ff) << 19)) >>> 0
}

function encodeBranchNotEqual(i: BranchNotEqual): Word {
  const v0: number = i.a
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('BranchNotEqual', 'a', v0, '15')
  const v1: number = i.b
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('BranchNotEqual', 'b', v1, '15')
  const v2 = i.target
  if (v2 >>> 0 !== v2 || v2 > 0x3fff) reject('BranchNotEqual', 'target', v2, '16383')
  return (0x51 | ((v2 & 0xf) << 7) | (v0 << 11) | (v1 << 15) | (((v2 >>> 4) & 0x3ff) << 19)) >>> 0
}

function encodeBranchLess(i: BranchLess): Word {
  const v0: number = i.a
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('BranchLess', 'a', v0, '15')
  const v1: number = i.b
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('BranchLess', 'b', v1, '15')
  const v2 = i.target
  if (v2 >>> 0 !== v2 || v2 > 0x3fff) reject('BranchLess', 'target', v2, '16383')
  return (0x52 | ((v2 & 0xf) << 7) | (v0 << 11) | (v1 << 15) | (((v2 >>> 4) & 0x3ff) << 19)) >>> 0
}

function encodeBranchNotLess(i: BranchNotLess): Word {
  const v0: number = i.a
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('BranchNotLess', 'a', v0, '15')
  const v1: number = i.b
  if (v1 >>> 0 !== v1 || v1 > 0xf) reject('BranchNotLess', 'b', v1, '15')
  const v2 = i.target
  if (v2 >>> 0 !== v2 || v2 > 0x3fff) reject('BranchNotLess', 'target', v2, '16383')
  return (0x53 | ((v2 & 0xf) << 7) | (v0 << 11) | (v1 << 15) | (((v2 >>> 4) & 0x3ff) << 19)) >>> 0
}

function encodeJump(i: Jump): Word {
  const v0 = i.target
  if (v0 >>> 0 !== v0 || v0 > 0x3fff) reject('Jump', 'target', v0, '16383')
  return (0x54 | (v0 << 8)) >>> 0
}

function encodeCall(i: Call): Word {
  const v0 = i.target
  if (v0 >>> 0 !== v0 || v0 > 0x3fff) reject('Call', 'target', v0, '16383')
  return (0x55 | (v0 << 8)) >>> 0
}

function encodeReturn(_i: Return): Word {
  return 0x56 >>> 0
}

function encodeNop(_i: Nop): Word {
  return 0
}

function encodeMirror(i: Mirror): Word {
  const v0: number = i.port
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Mirror', 'port', v0, '15')
  return (0x60 | (v0 << 8)) >>> 0
}

function encodeForward(i: Forward): Word {
  const v0: number = i.port
  if (v0 >>> 0 !== v0 || v0 > 0xf) reject('Forward', 'port', v0, '15')
  return (0x61 | (v0 << 8)) >>> 0
}

function encodeDrop(i: Drop): Word {
  const v0 = i.reason ?? 0
  if (v0 >>> 0 !== v0 || v0 > 0xff) reject('Drop', 'reason', v0, '255')
  return (0x62 | ((i.reason === undefined ? 0 : 1) << 7) | (v0 << 8)) >>> 0
}

function encodeCount(i: Count): Word {
  const v0 = i.counter
  if (v0 >>> 0 !== v0 || v0 > 0xff) reject('Count', 'counter', v0, '255')
  return (0x63 | (v0 << 8)) >>> 0
}

/** The assembly of an instruction. */
export function format(i: Instruction): string {
  switch (i.kind) {
    case 'Add':
      return formatAdd(i)
    case 'Sub':
      return formatSub(i)
    case 'And':
      return formatAnd(i)
    case 'Or':
      return formatOr(i)
    case 'Xor':
      return formatXor(i)
    case 'Shl':
      return formatShl(i)
    case 'Shr':
      return formatShr(i)
    case 'Mul':
      return formatMul(i)
    case 'Slt':
      return formatSlt(i)
    case 'AddImmediate':
      return formatAddImmediate(i)
    case 'SubImmediate':
      return formatSubImmediate(i)
    case 'AndImmediate':
      return formatAndImmediate(i)
    case 'OrImmediate':
      return formatOrImmediate(i)
    case 'XorImmediate':
      return formatXorImmediate(i)
    case 'ShlImmediate':
      return formatShlImmediate(i)
    case 'ShrImmediate':
      return formatShrImmediate(i)
    case 'MoveImmediate':
      return formatMoveImmediate(i)
    case 'Move':
      return formatMove(i)
    case 'Not':
      return formatNot(i)
    case 'LoadByte':
      return formatLoadByte(i)
    case 'LoadHalf':
      return formatLoadHalf(i)
    case 'LoadWord':
      return formatLoadWord(i)
    case 'StoreByte':
      return formatStoreByte(i)
    case 'StoreHalf':
      return formatStoreHalf(i)
    case 'StoreWord':
      return formatStoreWord(i)
    case 'Length':
      return formatLength(i)
    case 'Push':
      return formatPush(i)
    case 'Pull':
      return formatPull(i)
    case 'ScratchLoad':
      return formatScratchLoad(i)
    case 'ScratchStore':
      return formatScratchStore(i)
    case 'Checksum':
      return formatChecksum(i)
    case 'Hash':
      return formatHash(i)
    case 'Lookup':
      return formatLookup(i)
    case 'BranchEqual':
      return formatBranchEqual(i)
    case 'BranchNotEqual':
      return formatBranchNotEqual(i)
    case 'BranchLess':
      return formatBranchLess(i)
    case 'BranchNotLess':
      return formatBranchNotLess(i)
    case 'Jump':
      return formatJump(i)
    case 'Call':
      return formatCall(i)
    case 'Return':
      return formatReturn(i)
    case 'Nop':
      return formatNop(i)
    case 'Mirror':
      return formatMirror(i)
    case 'Forward':
      return formatForward(i)
    case 'Drop':
      return formatDrop(i)
    case 'Count':
      return formatCount(i)
  }
}

function formatAdd(i: Add): string {
  return `add r${i.dst}, r${i.a}, r${i.b}`
}

function formatSub(i: Sub): string {
  return `sub r${i.dst}, r${i.a}, r${i.b}`
}

function formatAnd(i: And): string {
  return `and r${i.dst}, r${i.a}, r${i.b}`
}

function formatOr(i: Or): string {
  return `or r${i.dst}, r${i.a}, r${i.b}`
}

function formatXor(i: Xor): string {
  return `xor r${i.dst}, r${i.a}, r${i.b}`
}

function formatShl(i: Shl): string {
  return `shl r${i.dst}, r${i.a}, r${i.b}`
}

function formatShr(i: Shr): string {
  return `shr r${i.dst}, r${i.a}, r${i.b}`
}

function formatMul(i: Mul): string {
  return `mul r${i.dst}, r${i.a}, r${i.b}`
}

function formatSlt(i: Slt): string {
  return `slt r${i.dst}, r${i.a}, r${i.b}`
}

function formatAddImmediate(i: AddImmediate): string {
  return `addi r${i.dst}, r${i.a}, ${i.value}`
}

function formatSubImmediate(i: SubImmediate): string {
  return `subi r${i.dst}, r${i.a}, ${i.value}`
}

function formatAndImmediate(i: AndImmediate): string {
  return `andi r${i.dst}, r${i.a}, ${i.value}`
}

function formatOrImmediate(i: OrImmediate): string {
  return `ori r${i.dst}, r${i.a}, ${i.value}`
}

function formatXorImmediate(i: XorImmediate): string {
  return `xori r${i.dst}, r${i.a}, ${i.value}`
}

function formatShlImmediate(i: ShlImmediate): string {
  return `shli r${i.dst}, r${i.a}, ${i.value}`
}

function formatShrImmediate(i: ShrImmediate): string {
  return `shri r${i.dst}, r${i.a}, ${i.value}`
}

function formatMoveImmediate(i: MoveImmediate): string {
  return `movi${i.hi ? '.hi' : ''}${i.keep ? '.keep' : ''} r${i.dst}, ${i.value}`
}

function formatMove(i: Move): string {
  return `mov r${i.dst}, r${i.a}`
}

function formatNot(i: Not): string {
  return `not r${i.dst}, r${i.a}`
}

function formatLoadByte(i: LoadByte): string {
  return `ldb${i.little ? '.le' : ''} r${i.dst}, [r${i.base} + ${i.offset}]`
}

function formatLoadHalf(i: LoadHalf): string {
  return `ldh${i.little ? '.le' : ''} r${i.dst}, [r${i.base} + ${i.offset}]`
}

function formatLoadWord(i: LoadWord): string {
  return `ldw${i.little ? '.le' : ''} r${i.dst}, [r${i.base} + ${i.offset}]`
}

function formatStoreByte(i: StoreByte): string {
  return `stb${i.little ? '.le' : ''} [r${i.base} + ${i.offset}], r${i.src}`
}

function formatStoreHalf(i: StoreHalf): string {
  return `sth${i.little ? '.le' : ''} [r${i.base} + ${i.offset}], r${i.src}`
}

function formatStoreWord(i: StoreWord): string {
  return `stw${i.little ? '.le' : ''} [r${i.base} + ${i.offset}], r${i.src}`
}

function formatLength(i: Length): string {
  return `len r${i.dst}`
}

function formatPush(i: Push): string {
  return `push ${i.count}`
}

function formatPull(i: Pull): string {
  return `pull ${i.count}`
}

function formatScratchLoad(i: ScratchLoad): string {
  return `lds r${i.dst}, s${i.address}${i.index === undefined ? '' : '.' + i.index}`
}

function formatScratchStore(i: ScratchStore): string {
  return `sts s${i.address}${i.index === undefined ? '' : '.' + i.index}, r${i.src}`
}

function formatChecksum(i: Checksum): string {
  return `csum${i.raw ? '.raw' : ''} r${i.dst}, r${i.base}, r${i.count}`
}

function formatHash(i: Hash): string {
  return `hash r${i.dst}, r${i.a}, r${i.b}`
}

function formatLookup(i: Lookup): string {
  return `lkp r${i.dst}, t${i.table}, r${i.key}, ${i.miss}`
}

function formatBranchEqual(i: BranchEqual): string {
  return `beq r${i.a}, r${i.b}, ${i.target}`
}

function formatBranchNotEqual(i: BranchNotEqual): string {
  return `bne r${i.a}, r${i.b}, ${i.target}`
}

function formatBranchLess(i: BranchLess): string {
  return `blt r${i.a}, r${i.b}, ${i.target}`
}

function formatBranchNotLess(i: BranchNotLess): string {
  return `bge r${i.a}, r${i.b}, ${i.target}`
}

function formatJump(i: Jump): string {
  return `jmp ${i.target}`
}

function formatCall(i: Call): string {
  return `call ${i.target}`
}

function formatReturn(_i: Return): string {
  return 'ret'
}

function formatNop(_i: Nop): string {
  return 'nop'
}

function formatMirror(i: Mirror): string {
  return `mirror r${i.port}`
}

function formatForward(i: Forward): string {
  return `fwd r${i.port}`
}

function formatDrop(i: Drop): string {
  return `drop${i.reason === undefined ? '' : ' ' + i.reason}`
}

function formatCount(i: Count): string {
  return `cnt c${i.counter}`
}

const SYNTAXES: readonly InstructionSyntax[] = [
  {
    name: 'Add',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'add' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Sub',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'sub' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'And',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'and' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Or',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'or' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Xor',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'xor' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Shl',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'shl' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Shr',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'shr' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Mul',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'mul' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Slt',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'slt' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'AddImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'addi' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'SubImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'subi' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'AndImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'andi' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'OrImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'ori' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'XorImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'xori' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'ShlImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'shli' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'ShrImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'shri' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'MoveImmediate',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'hi', property: 'hi', width: 1, type: 'boolean', isOptional: false },
      { name: 'keep', property: 'keep', width: 1, type: 'boolean', isOptional: false },
      { name: 'value', property: 'value', width: 16, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'movi' },
      { kind: 'flag', text: '.hi', field: 1 },
      { kind: 'flag', text: '.keep', field: 2 },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 3 },
    ],
  },
  {
    name: 'Move',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'mov' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
    ],
  },
  {
    name: 'Not',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'not' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
    ],
  },
  {
    name: 'LoadByte',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'ldb' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 1 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
      { kind: 'literal', text: ']' },
    ],
  },
  {
    name: 'LoadHalf',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'ldh' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 1 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
      { kind: 'literal', text: ']' },
    ],
  },
  {
    name: 'LoadWord',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'ldw' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 1 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
      { kind: 'literal', text: ']' },
    ],
  },
  {
    name: 'StoreByte',
    fields: [
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'src', property: 'src', width: 4, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'stb' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 0 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: '],' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'StoreHalf',
    fields: [
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'src', property: 'src', width: 4, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'sth' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 0 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: '],' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'StoreWord',
    fields: [
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'offset', property: 'offset', width: 12, type: 'number', isOptional: false },
      { name: 'src', property: 'src', width: 4, type: 'number', isOptional: false },
      { name: 'little', property: 'little', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'stw' },
      { kind: 'flag', text: '.le', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: '[r' },
      { kind: 'field', field: 0 },
      { kind: 'space' },
      { kind: 'literal', text: '+' },
      { kind: 'space' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: '],' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Length',
    fields: [{ name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false }],
    syntax: [
      { kind: 'literal', text: 'len' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
    ],
  },
  {
    name: 'Push',
    fields: [{ name: 'count', property: 'count', width: 8, type: 'number', isOptional: false }],
    syntax: [{ kind: 'literal', text: 'push' }, { kind: 'space' }, { kind: 'field', field: 0 }],
  },
  {
    name: 'Pull',
    fields: [{ name: 'count', property: 'count', width: 8, type: 'number', isOptional: false }],
    syntax: [{ kind: 'literal', text: 'pull' }, { kind: 'space' }, { kind: 'field', field: 0 }],
  },
  {
    name: 'ScratchLoad',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'address', property: 'address', width: 8, type: 'number', isOptional: false },
      { name: 'index', property: 'index', width: 4, type: 'number', isOptional: true },
    ],
    syntax: [
      { kind: 'literal', text: 'lds' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 's' },
      { kind: 'field', field: 1 },
      { kind: 'optional', hasDot: true, field: 2 },
    ],
  },
  {
    name: 'ScratchStore',
    fields: [
      { name: 'src', property: 'src', width: 4, type: 'number', isOptional: false },
      { name: 'address', property: 'address', width: 8, type: 'number', isOptional: false },
      { name: 'index', property: 'index', width: 4, type: 'number', isOptional: true },
    ],
    syntax: [
      { kind: 'literal', text: 'sts' },
      { kind: 'space' },
      { kind: 'literal', text: 's' },
      { kind: 'field', field: 1 },
      { kind: 'optional', hasDot: true, field: 2 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
    ],
  },
  {
    name: 'Checksum',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'base', property: 'base', width: 4, type: 'number', isOptional: false },
      { name: 'count', property: 'count', width: 4, type: 'number', isOptional: false },
      { name: 'raw', property: 'raw', width: 1, type: 'boolean', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'csum' },
      { kind: 'flag', text: '.raw', field: 3 },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Hash',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'hash' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Lookup',
    fields: [
      { name: 'dst', property: 'dst', width: 4, type: 'number', isOptional: false },
      { name: 'table', property: 'table', width: 3, type: 'number', isOptional: false },
      { name: 'key', property: 'key', width: 4, type: 'number', isOptional: false },
      { name: 'miss', property: 'miss', width: 12, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'lkp' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 't' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 2 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 3 },
    ],
  },
  {
    name: 'BranchEqual',
    fields: [
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
      { name: 'target', property: 'target', width: 14, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'beq' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'BranchNotEqual',
    fields: [
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
      { name: 'target', property: 'target', width: 14, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'bne' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'BranchLess',
    fields: [
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
      { name: 'target', property: 'target', width: 14, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'blt' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'BranchNotLess',
    fields: [
      { name: 'a', property: 'a', width: 4, type: 'number', isOptional: false },
      { name: 'b', property: 'b', width: 4, type: 'number', isOptional: false },
      { name: 'target', property: 'target', width: 14, type: 'number', isOptional: false },
    ],
    syntax: [
      { kind: 'literal', text: 'bge' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 1 },
      { kind: 'literal', text: ',' },
      { kind: 'space' },
      { kind: 'field', field: 2 },
    ],
  },
  {
    name: 'Jump',
    fields: [{ name: 'target', property: 'target', width: 14, type: 'number', isOptional: false }],
    syntax: [{ kind: 'literal', text: 'jmp' }, { kind: 'space' }, { kind: 'field', field: 0 }],
  },
  {
    name: 'Call',
    fields: [{ name: 'target', property: 'target', width: 14, type: 'number', isOptional: false }],
    syntax: [{ kind: 'literal', text: 'call' }, { kind: 'space' }, { kind: 'field', field: 0 }],
  },
  { name: 'Return', fields: [], syntax: [{ kind: 'literal', text: 'ret' }] },
  { name: 'Nop', fields: [], syntax: [{ kind: 'literal', text: 'nop' }] },
  {
    name: 'Mirror',
    fields: [{ name: 'port', property: 'port', width: 4, type: 'number', isOptional: false }],
    syntax: [
      { kind: 'literal', text: 'mirror' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
    ],
  },
  {
    name: 'Forward',
    fields: [{ name: 'port', property: 'port', width: 4, type: 'number', isOptional: false }],
    syntax: [
      { kind: 'literal', text: 'fwd' },
      { kind: 'space' },
      { kind: 'literal', text: 'r' },
      { kind: 'field', field: 0 },
    ],
  },
  {
    name: 'Drop',
    fields: [{ name: 'reason', property: 'reason', width: 8, type: 'number', isOptional: true }],
    syntax: [{ kind: 'literal', text: 'drop' }, { kind: 'space' }, { kind: 'optional', hasDot: false, field: 0 }],
  },
  {
    name: 'Count',
    fields: [{ name: 'counter', property: 'counter', width: 8, type: 'number', isOptional: false }],
    syntax: [
      { kind: 'literal', text: 'cnt' },
      { kind: 'space' },
      { kind: 'literal', text: 'c' },
      { kind: 'field', field: 0 },
    ],
  },
]

export const instructionSet: InstructionSet<Instruction, Word> = {
  wordBits: WORD_BITS,
  syntaxes: SYNTAXES,
  encode,
  decode,
  format,
}

/** Assembles a program; what is wrong with it is in the result's diagnostics. */
export function assemble(text: string, options?: AssembleOptions): AssembleResult<Instruction, Word> {
  return assembleProgram(instructionSet, text, options)
}

/** A line for each word; their text assembles to the same words. */
export function disassemble(words: ArrayLike<Word>, origin?: number): DisassembledWord<Instruction, Word>[] {
  return disassembleWords(instructionSet, words, origin)
}
