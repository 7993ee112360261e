/** What tshark says about a capture, with every checksum validated and the dissectors of `docs/wireshark` loaded. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const DISSECTORS = join(import.meta.dirname, '../../../docs/wireshark/lodestone.lua')
const VALIDATE = ['ip', 'tcp', 'udp'].flatMap((each) => ['-o', `${each}.check_checksum:TRUE`])

/** Why tests with tshark are skipped, or false. */
export const WITHOUT_TSHARK: string | false =
  spawnSync('tshark', ['--version']).status === 0 ? false : 'tshark is not installed'

/** One row per packet that the display filter takes; the values of a field that occurs twice are joined by commas. */
export function tshark(file: string, filter: string, ...fields: readonly string[]): readonly (readonly string[])[] {
  const args = ['-n', '-r', file, ...VALIDATE, '-X', `lua_script:${DISSECTORS}`, '-Y', filter, '-T', 'fields']
  const result = spawnSync('tshark', [...args, ...fields.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  })
  if (result.status !== 0) throw new Error(`tshark: ${result.stderr}`)
  return result.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
}

/** The packets that are wrong: malformed, or with a bad checksum. A zero outer UDP checksum over IPv6 is RFC 6935's. */
export function flaws(file: string): readonly string[] {
  const status = ['ip', 'tcp', 'icmp', 'icmpv6', 'udp'].map((each) => `${each}.checksum.status`)
  const wrong = `_ws.malformed || _ws.lua.error || ${status.map((each) => `${each} == 0`).join(' || ')}`
  // With the bytes: the file is gone when somebody reads of it.
  const about = ['udp.checksum', '_ws.malformed', 'frame.number', '_ws.col.Info', 'tcp.seq', 'tcp.payload']
  const rows = tshark(file, wrong, ...status, ...about)
  return rows.filter((row) => !isTunnelChecksum(row)).map((row) => row.join(' '))
}

/** Whether all that is wrong is that the first UDP header has no checksum. */
function isTunnelChecksum(row: readonly string[]): boolean {
  const [ip, tcp, icmp, icmpv6, udp, checksum, malformed] = row
  const [outer, ...inner] = udp!.split(',')
  const others = [ip, tcp, icmp, icmpv6, ...inner].flatMap((each) => each!.split(','))
  return outer === '0' && checksum!.split(',')[0] === '0x0000' && malformed === '' && !others.includes('0')
}
