/** Tells a story's listener which header fields a walk has changed. */
import { ipOfWords } from './address-words.ts'
import { dstAt, portsAt } from './flow-key.ts'
import type { Walk } from './walk.ts'

export function tellRewrites(walk: Walk): void {
  const { listener, family, key, current } = walk
  if (listener === undefined || family === 0) return
  const tell = (field: string, from: string, to: string): void => {
    if (from !== to) listener({ kind: 'rewrite', field, from, to })
  }
  const ip = `ipv${family}`
  const address = (words: Int32Array, at: number): string => ipOfWords(words, at, family).toString()
  tell(`${ip}.src`, address(key, 0), address(current, 0))
  tell(`${ip}.dst`, address(key, dstAt(family)), address(current, dstAt(family)))
  if (!walk.hasTransport) return
  const before = key[portsAt(family)]!
  const after = current[portsAt(family)]!
  if (walk.isIcmp) {
    tell('icmp.identifier', String(before >>> 16), String(after >>> 16))
  } else {
    tell('srcPort', String(before >>> 16), String(after >>> 16))
    tell('dstPort', String(before & 0xffff), String(after & 0xffff))
  }
}
