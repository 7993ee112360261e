/** Joins a port of the emulation with one that leads out of it: frames pass by their slots. */
import type { Port } from '@lodestone/link'

export function bridge(inside: Port, outside: Port): void {
  inside.attach({ receive: (slots, count) => outside.send(slots, count) })
  outside.attach({ receive: (slots, count) => inside.send(slots, count) })
}
