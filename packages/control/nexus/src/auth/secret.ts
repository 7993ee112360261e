/** Bearer secrets: random, shown once, kept as a digest. */
import { createHash } from 'node:crypto'
import type { Random } from '@lodestone/host'

/** 160 random bits as 40 hexadecimal digits. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(20)).toString('hex')
}

/** What is stored: looking a secret up by its digest takes the same time however much of a guess is right. */
export function secretDigest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** No vowels, so that no words appear. */
const USER_CODE_LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'

/** `BQPX-FGQR`: what a person types to confirm a device. */
export function newUserCode(random: Random): string {
  const letters = Array.from({ length: 8 }, () => USER_CODE_LETTERS[random.below(USER_CODE_LETTERS.length)]!)
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}
