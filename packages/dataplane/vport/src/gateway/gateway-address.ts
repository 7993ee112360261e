/** Fixed addresses of the virtual gateway that every guest talks to, and of the boundary. */
import { type Ip, Mac } from '@lodestone/net'

/** The router that the guest sees, on every port the same. */
export const GATEWAY_MAC: Mac = Mac.of('a8:40:25:ff:77:77')
export const GATEWAY_LINK_LOCAL: Ip = GATEWAY_MAC.linkLocal()
/** Inner destination MAC of frames that leave for the internet. */
export const BOUNDARY_MAC: Mac = Mac.of('a8:40:25:77:77:77')
/** VNI of traffic between sleds and switches that belongs to no VPC. */
export const BOUNDARY_VNI = 99
