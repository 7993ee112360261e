import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePublish } from './publish-spec.ts'

test('an IPv4 target and an IPv6 target in brackets, on a port that is given or picked', () => {
  const four = parsePublish('8080=198.51.100.10:80')
  assert.deepEqual([four.hostPort, four.address.toString(), four.port], [8080, '198.51.100.10', 80])
  const six = parsePublish('65535=[2001:db8::10]:1')
  assert.deepEqual([six.hostPort, six.address.toString(), six.port], [65535, '2001:db8::10', 1])
  assert.equal(parsePublish('0=198.51.100.10:80').hostPort, 0)
})

test('anything else is refused with the way to write it', () => {
  for (const text of [
    '',
    '8080',
    '8080=198.51.100.10',
    '198.51.100.10:80',
    '65536=198.51.100.10:80',
    '8080=198.51.100.10:0',
    '8080=198.51.100.256:80',
    '8080=2001:db8::10:80',
    '8080=[2001:db8::g]:80',
    '8080=web1:80',
    ' 8080=198.51.100.10:80',
  ]) {
    assert.throws(() => parsePublish(text), /HOSTPORT=EXTERNAL_IP:PORT, as in 8080=198\.51\.100\.10:80/, text)
  }
})
