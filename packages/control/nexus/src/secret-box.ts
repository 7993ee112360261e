/**
 * Secrets that have to be in the database in a form that can be read again, above all private keys, are sealed: AES-256-GCM with a key
 * that is not in the database. A sealed text is bound to the place that it is for, so that one cannot be put where another was. What need
 * not be read again (passwords, sessions, tokens) is kept as digests and not here.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Files, Random } from '@lodestone/host'

export const SECRETS_KEY_FILE = 'secrets.key'

const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const PREFIX = 'sealed:1:'

export interface Secrets {
  /** Tells keys apart and nothing about them; undefined: nothing is sealed. */
  readonly fingerprint: string | undefined
  /** @param place which value of the database it is. */
  seal(text: string, place: string): string
  /** Throws when it was sealed with another key or for another place. A text that is not sealed is what it says. */
  open(text: string, place: string): string
}

/** For databases that end with their process. */
export const UNSEALED: Secrets = {
  fingerprint: undefined,
  seal: (text) => text,
  open(text, place) {
    if (isSealed(text)) throw new Error(`${place} is sealed, and there is no key`)
    return text
  },
}

export function isSealed(text: string): boolean {
  return text.startsWith(PREFIX)
}

export class SecretBox implements Secrets {
  readonly fingerprint: string
  readonly #key: Uint8Array
  readonly #random: Random

  /** With the key in `files`, which should be readable by the owner only; it is made where there is none. */
  static async open(files: Files, random: Random): Promise<SecretBox> {
    const present = await files.read(SECRETS_KEY_FILE)
    if (present !== undefined) {
      const text = Buffer.from(present).toString().trim()
      if (!/^[0-9a-f]{64}$/.test(text)) {
        throw new Error(`${SECRETS_KEY_FILE} is no key: 64 hexadecimal digits are expected`)
      }
      return new SecretBox(Buffer.from(text, 'hex'), random)
    }
    const key = random.bytes(KEY_BYTES)
    await files.write(SECRETS_KEY_FILE, Buffer.from(`${Buffer.from(key).toString('hex')}\n`))
    return new SecretBox(key, random)
  }

  /** @param key 32 bytes. */
  constructor(key: Uint8Array, random: Random) {
    this.#key = key
    this.#random = random
    this.fingerprint = createHmac('sha256', key).update('lodestone secrets').digest('hex').slice(0, 16)
  }

  seal(text: string, place: string): string {
    const nonce = this.#random.bytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place))
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${PREFIX}${sealed.toString('base64')}`
  }

  open(text: string, place: string): string {
    if (!isSealed(text)) return text
    const bytes = Buffer.from(text.slice(PREFIX.length), 'base64')
    const end = bytes.length - TAG_BYTES
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(end))
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()]).toString()
    } catch (error) {
      throw new Error(`${place} was not sealed with this key, or has been changed`, { cause: error })
    }
  }
}
