// A virtual machine with a real Linux kernel beside an emulated host, on a switch with a P4 program. Needs QEMU and a machine image
// (packages/testbed/lab/tools/make-image.sh).
import { lab, run } from '@lodestone/lab'

const l = lab('debian-machine')
const host = l.host('host', { address: '10.0.0.1/24' })
const hub = l.switch('hub', { program: 'hub' })
l.link(host, hub)
for (const number of [2, 3]) {
  l.link(l.machine(`vm${number}`, { address: `10.0.0.${number}/24` }), hub)
}

// Machines run in real time, beside whatever else theirs does.
const patience = { withinMs: 120_000 }
const limit = { timeoutMs: 280_000 }

l.test(
  'a kernel of its own answers',
  async (t) => {
    await t.eventually(() => t.pings('host', '10.0.0.2'), patience)
    t.claim((await t.exec('vm2', 'uname -s')).stdout === 'Linux\n', 'it is no Linux')
  },
  limit,
)

l.test(
  'machines reach each other, and commands have exit codes',
  async (t) => {
    await t.eventually(async () => (await t.exec('vm2', 'ping -c 1 -W 2 10.0.0.3')).exitCode === 0, patience)
    t.claim((await t.exec('vm2', 'exit 7')).exitCode === 7, 'another exit code')
  },
  limit,
)

l.test(
  'a machine that is paused answers when it goes on',
  async (t) => {
    await t.fault({ kind: 'pause', target: 'vm2' })
    await t.never(() => t.pings('host', '10.0.0.2'), 1500, { everyMs: 500 })
    await t.fault({ kind: 'resume', target: 'vm2' })
    await t.eventually(() => t.pings('host', '10.0.0.2'), patience)
  },
  limit,
)

await run(l)
