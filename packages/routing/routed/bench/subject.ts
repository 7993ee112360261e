/** The routers under measurement, each with the configuration that makes it do the same: a route server's worth of eBGP, accept all. */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
// oxlint-disable-next-line lodestone/floors -- a benchmark: not part of the package
import type { Daemon } from '../../../../tools/interop/daemon.ts'
// oxlint-disable-next-line lodestone/floors -- a benchmark: not part of the package
import type { Namespace } from '../../../../tools/interop/namespace.ts'

export interface SubjectOptions {
  readonly asn: number
  readonly address: string
  readonly peers: ReadonlyArray<{ readonly address: string; readonly asn: number }>
  /** Whether routes go into the kernel. */
  readonly hasKernel: boolean
  /** Next hops that BFD sessions are kept with, by static routes; ours only. */
  readonly bfd?: readonly string[]
}

export interface Subject {
  readonly name: string
  readonly isInstalled: boolean
  readonly canProgramKernel: boolean
  start(namespace: Namespace, options: SubjectOptions): readonly Daemon[]
  stopped?(namespace: Namespace): void
}

/** As it is installed: it keeps compiled code between runs. */
const LODE = fileURLToPath(new URL('../../../../apps/lode/bin/lode.js', import.meta.url))

export const lode: Subject = {
  name: 'lode',
  isInstalled: true,
  canProgramKernel: true,
  start: (namespace, { asn, address, peers, hasKernel, bfd = [] }) => {
    const config = {
      router: { asn, id: address, listen: [`${address}:179`] },
      peers: peers.map((peer) => ({ ...peer, passive: true, families: ['ipv4'], import: 'accept', export: 'accept' })),
      static: bfd.map((next_hop, i) => ({ prefix: `10.60.${i >> 8}.${i & 255}/32`, next_hop, bfd: true })),
      ...(hasKernel ? { kernel: {} } : {}),
      admin: { listen: [join(namespace.folder, 'lode.sock')] },
    }
    const path = file(namespace, 'router.yaml', JSON.stringify(config))
    return [namespace.start('lode', process.execPath, [LODE, 'routed', '--config', path])]
  },
}

export const bird: Subject = {
  name: 'BIRD',
  isInstalled: existsSync('/usr/sbin/bird'),
  canProgramKernel: true,
  start: (namespace, { asn, address, peers, hasKernel }) => {
    const protocols = peers.map(
      (peer, i) =>
        `protocol bgp p${i} { local ${address} as ${asn}; neighbor ${peer.address} as ${peer.asn}; passive on; ipv4 { import all; export all; }; }`,
    )
    const kernel = hasKernel ? 'protocol kernel { ipv4 { export where source = RTS_BGP; }; }' : ''
    const text = `router id ${address};\nprotocol device {}\n${kernel}\n${protocols.join('\n')}\n`
    const args = ['-f', '-c', file(namespace, 'bird.conf', text), '-s', join(namespace.folder, 'bird.ctl')]
    return [namespace.start('bird', 'bird', [...args, '-P', join(namespace.folder, 'bird.pid')])]
  },
}

export const frr: Subject = {
  name: 'FRR',
  isInstalled: existsSync('/usr/lib/frr/bgpd'),
  canProgramKernel: true,
  start: (namespace, { asn, address, peers, hasKernel }) => {
    const folder = `/var/run/frr/${namespace.name}`
    mkdirSync(folder, { recursive: true })
    execFileSync('chown', ['frr:frr', folder])
    const neighbours = peers.map(
      (peer) =>
        ` neighbor ${peer.address} remote-as ${peer.asn}\n neighbor ${peer.address} passive\n neighbor ${peer.address} advertisement-interval 0`,
    )
    const text = `frr defaults datacenter\nrouter bgp ${asn}\n bgp router-id ${address}\n no bgp ebgp-requires-policy\n${neighbours.join('\n')}\nexit\n`
    const common = ['-N', namespace.name, '-f', file(namespace, 'frr.conf', text), '-u', 'frr', '-g', 'frr']
    const bgpd = (more: readonly string[]): Daemon => namespace.start('bgpd', '/usr/lib/frr/bgpd', [...common, ...more])
    if (!hasKernel) return [bgpd(['-Z'])]
    const zebra = namespace.start('zebra', '/usr/lib/frr/zebra', common)
    execFileSync('sleep', ['1'])
    return [zebra, bgpd([])]
  },
  stopped: (namespace) => rmSync(`/var/run/frr/${namespace.name}`, { recursive: true, force: true }),
}

export const openbgpd: Subject = {
  name: 'OpenBGPD',
  isInstalled: existsSync('/usr/sbin/bgpd'),
  canProgramKernel: false,
  start: (namespace, { asn, address, peers }) => {
    mkdirSync('/run/openbgpd', { recursive: true })
    const neighbours = peers.map(
      (peer) => `neighbor ${peer.address} { remote-as ${peer.asn}; passive; announce IPv6 none }`,
    )
    const text = `AS ${asn}\nrouter-id ${address}\nfib-update no\nsocket "${join(namespace.folder, 'bgpd.sock')}"\n${neighbours.join('\n')}\nallow from any\nallow to any\n`
    const path = file(
      namespace,
      'bgpd.conf',
      text.replaceAll('; ', '\n  ').replaceAll('{ ', '{\n  ').replaceAll(' }', '\n}'),
    )
    chmodSync(path, 0o600)
    return [namespace.start('openbgpd', '/usr/sbin/bgpd', ['-d', '-f', path])]
  },
}

export const gobgp: Subject = {
  name: 'GoBGP',
  isInstalled: existsSync('/usr/bin/gobgpd'),
  canProgramKernel: false,
  start: (namespace, { asn, address, peers }) => {
    const neighbors = peers.map((peer) => ({
      config: { 'neighbor-address': peer.address, 'peer-as': peer.asn },
      transport: { config: { 'passive-mode': true, 'local-address': address } },
      'afi-safis': [{ config: { 'afi-safi-name': 'ipv4-unicast' } }],
    }))
    const text = JSON.stringify({ global: { config: { as: asn, 'router-id': address } }, neighbors })
    const args = ['-t', 'json', '-f', file(namespace, 'gobgp.json', text), '--api-hosts', '127.0.0.1:50051']
    return [namespace.start('gobgpd', 'gobgpd', [...args, '--log-level', 'error'])]
  },
}

export const SUBJECTS: readonly Subject[] = [lode, bird, frr, openbgpd, gobgp]

function file(namespace: Namespace, name: string, text: string): string {
  const path = join(namespace.folder, name)
  writeFileSync(path, text)
  return path
}
