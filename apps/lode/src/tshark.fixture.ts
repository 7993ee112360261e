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

/**
 * The packets that are wrong: malformed, or with a bad checksum. A zero outer UDP checksum over IPv6 is RFC 6935's, and what BGP
 * announces of default routes is not what tshark makes of it.
 */
export function flaws(file: string): readonly string[] {
  const status = ['ip', 'tcp', 'icmp', 'icmpv6', 'udp'].map((each) => `${each}.checksum.status`)
  const wrong = `_ws.malformed || _ws.lua.error || ${status.map((each) => `${each} == 0`).join(' || ')}`
  // With the bytes: the file is gone when somebody reads of it.
  const about = ['udp.checksum', '_ws.malformed', 'frame.number', '_ws.col.Info', 'tcp.seq', 'tcp.payload']
  const rows = tshark(file, wrong, ...status, ...about)
  return rows.filter((row) => !isTunnelChecksum(row) && !isMisreadDefaultRoute(row)).map((row) => row.join(' '))
}

/** Whether all that is wrong is that the first UDP header has no checksum. */
function isTunnelChecksum(row: readonly string[]): boolean {
  const [ip, tcp, icmp, icmpv6, udp, checksum, malformed] = row
  const [outer, ...inner] = udp!.split(',')
  const others = [ip, tcp, icmp, icmpv6, ...inner].flatMap((each) => each!.split(','))
  return outer === '0' && checksum!.split(',')[0] === '0x0000' && malformed === '' && !others.includes('0')
}

/**
 * Whether all that is wrong is that an UPDATE has a list of prefixes that begins with the default route and goes on. Wireshark 4.0 does not
 * remember what the session's OPENs said of path identifiers (RFC 7911): it takes such a list for one with them, and then it does not fit.
 */
function isMisreadDefaultRoute(row: readonly string[]): boolean {
  const [ip, tcp, icmp, icmpv6, udp, , malformed] = row
  const hasBadChecksum = [ip, tcp, icmp, icmpv6, udp].some((each) => each!.split(',').includes('0'))
  if (malformed === '' || hasBadChecksum) return false
  const bytes = Buffer.from(row.at(-1)!, 'hex')
  for (let at = 0; at + BGP_HEADER_BYTES <= bytes.length;) {
    if (!bytes.subarray(at, at + 16).equals(BGP_MARKER)) return false
    const end = at + bytes.readUInt16BE(at + 16)
    const isUpdate = bytes[at + 18] === 2
    if (end > bytes.length || end < at + BGP_HEADER_BYTES) return false
    if (
      isUpdate &&
      prefixLists(bytes.subarray(at + BGP_HEADER_BYTES, end)).some((list) => list[0] === 0 && list.length > 1)
    ) {
      return true
    }
    at = end
  }
  return false
}

const BGP_HEADER_BYTES = 19
const BGP_MARKER = Buffer.alloc(16, 0xff)

/** The lists of prefixes in the body of an UPDATE (RFC 4271 §4.3, RFC 4760 §3 and §4). */
function prefixLists(body: Buffer): readonly Buffer[] {
  const attributesAt = 4 + body.readUInt16BE(0)
  const lists = [body.subarray(2, attributesAt - 2)]
  const end = attributesAt + body.readUInt16BE(attributesAt - 2)
  for (let at = attributesAt; at < end;) {
    const isLong = (body[at]! & 0x10) !== 0
    const type = body[at + 1]
    const valueAt = at + (isLong ? 4 : 3)
    at = valueAt + (isLong ? body.readUInt16BE(valueAt - 2) : body[valueAt - 1]!)
    if (type === 14) lists.push(body.subarray(valueAt + 5 + body[valueAt + 3]!, at))
    if (type === 15) lists.push(body.subarray(valueAt + 3, at))
  }
  return [...lists, body.subarray(end)]
}
