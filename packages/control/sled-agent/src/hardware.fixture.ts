import type { SledHardware } from '@lodestone/contract-sled-agent'

export const HARDWARE: SledHardware = {
  baseboard: { serial: 'LDS10000000', part: 'lodestone-sled', revision: 6 },
  hardware_threads: 128,
  physical_ram_bytes: 2 ** 40,
  disks: [{ form_factor: 'u2', slot: 0, vendor: 'lodestone', model: 'LDS-U2-3200', serial: 'U20' }],
}
