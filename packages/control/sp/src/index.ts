export { Board, type BoardListener, type BoardOptions } from './device/board.ts'
export { type BoardProfile, POWER_SHELF, profileOf, SLED, SWITCH, type ThermalPart } from './device/board-profile.ts'
export { HOST_PORT, ManagementSwitch, TECHNICIAN_PORTS } from './device/management-switch.ts'
export type { SensorFault } from './device/sensor-device.ts'
export { IDLE, type Load, ThermalPlant } from './device/thermal-plant.ts'
export { isMomentary, type SpFault } from './fault.ts'
export type { HostUart } from './firmware/console-task.ts'
export type { Firmware } from './firmware/firmware.ts'
export type { Vpd } from './firmware/vpd-task.ts'
export { buildImage, type ImageSpec, readImage } from './firmware/image.ts'
export type { TaskName } from './firmware/task-context.ts'
export type { SpFlash } from './firmware/update-task.ts'
export { Gateway, type GatewayOptions, type ReachableSp, type SpId } from './gateway/gateway.ts'
export { gatewayHandler } from './gateway/gateway-api.ts'
export { Phase2Images, type Phase2Progress } from './gateway/phase2-images.ts'
export { DEFAULT_RETRY, type RetryConfig, SpConnection } from './gateway/sp-connection.ts'
export { labHandler, type LabMember } from './lab-api.ts'
export {
  CURRENT_VERSION,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  MGS_PORT,
  MIN_VERSION,
  SP_PORT,
} from './protocol/message.ts'
export { vlanOf } from './protocol/vlan-tag.ts'
export { BOOT_MS, firstRelease, ServiceProcessor, type ServiceProcessorOptions } from './service-processor.ts'
