/** Names of components, and numbers of updates: what messages say things are. */
import { byteArray, paddedText } from './codec.ts'

/** Sixteen bytes of text, padded with zeros. */
export const component = paddedText(16)
export const updateId = byteArray(16)

/** Components that every service processor or host may have. Devices of the inventory are `dev-0` and up. */
export const Component = {
  sp: 'sp',
  auxFlash: 'sp-aux-flash',
  hostCpu: 'sp3-host-cpu',
  hostBootFlash: 'host-boot-flash',
  postCodes: 'sp5-post-codes',
  monorail: 'monorail',
  tofino: 'tofino',
  rot: 'rot',
  stage0: 'stage0',
  fanControl: 'fan-ctrl',
  systemLed: 'system-led',
} as const
