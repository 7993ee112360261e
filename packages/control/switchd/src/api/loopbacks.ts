/** Addresses of the switch itself, on no port. */
import type { Switchd } from '../switchd.ts'
import { ipOf, type Operations, orThrow } from './operations.ts'

type LoopbackOperation =
  | 'loopback_ipv4_list'
  | 'loopback_ipv4_add'
  | 'loopback_ipv4_delete'
  | 'loopback_ipv6_list'
  | 'loopback_ipv6_add'
  | 'loopback_ipv6_delete'

export function loopbackHandlers(switchd: Switchd): Operations<LoopbackOperation> {
  const add = ({ params }: { readonly params: { readonly address: string } }): undefined => {
    orThrow(switchd.addLoopback(ipOf(params.address)))
    return undefined
  }
  const remove = ({ params }: { readonly params: { readonly address: string } }): undefined => {
    orThrow(switchd.removeLoopback(ipOf(params.address)))
    return undefined
  }
  return {
    loopback_ipv4_list: () => switchd.loopbacks(4).map(String),
    loopback_ipv4_add: add,
    loopback_ipv4_delete: remove,
    loopback_ipv6_list: () => switchd.loopbacks(6).map(String),
    loopback_ipv6_add: add,
    loopback_ipv6_delete: remove,
  }
}
