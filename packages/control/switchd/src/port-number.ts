/**
 * The switch's ports by name and by the number that the pipeline knows them by: the CPU is 0, `rear0` … `rear31` (to
 * the sleds) are 1 … 32, `qsfp0` … `qsfp31` (to the world) are 33 … 64.
 */

export const CPU_PORT = 0
export const CPU_PORT_NAME = 'int0'
/** Port numbers are below this. */
export const PORT_COUNT = 65

const REAR_FIRST = 1
const QSFP_FIRST = 33
const PORTS_PER_KIND = 32

/** @returns undefined when there is no port of that name. */
export function portNumber(name: string): number | undefined {
  return NUMBERS.get(name)
}

/** The name of a port number; a number that no port has is shown as `port N`. */
export function portName(port: number): string {
  return NAMES[port] ?? `port ${port}`
}

/** The interface of the switch zone that stands for a port: `tfportqsfp0`. */
export function tfportName(port: number): string {
  return `tfport${portName(port)}`
}

export function isFrontPort(port: number): boolean {
  return port >= QSFP_FIRST && port < PORT_COUNT
}

const NAMES: readonly string[] = Array.from({ length: PORT_COUNT }, (_, port) => {
  if (port === CPU_PORT) return CPU_PORT_NAME
  return port < QSFP_FIRST ? `rear${port - REAR_FIRST}` : `qsfp${port - REAR_FIRST - PORTS_PER_KIND}`
})

const NUMBERS: ReadonlyMap<string, number> = new Map(NAMES.map((name, port) => [name, port]))
