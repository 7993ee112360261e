/** MAC addresses that a node keeps when others come and go: locally administered, from a hash of the names. */
import { Mac } from '@lodestone/net'

export function nodeMac(lab: string, node: string, port: string): Mac {
  const text = `${lab}/${node}/${port}`
  return Mac.fromNumber(0x02_0000000000 + (hash(text, 0x811c9dc5) % 0x100) * 0x1_0000_0000 + hash(text, 0x9747b28c))
}

/** FNV-1a with a last mixing step. */
function hash(text: string, seed: number): number {
  let value = seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (value ^ (value >>> 15)) >>> 0
}
