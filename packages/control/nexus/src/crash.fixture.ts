/** A control plane that writes until it is killed; it reports the name of each project that was acknowledged. */
import { clientWith, login, makeFakeRack } from './fake-rack.fixture.ts'

export async function writeUntilKilled(directory: string, acknowledged: (name: string) => void): Promise<never> {
  const rack = await makeFakeRack(1)
  const nexus = rack.makeNexus({ storeDirectory: directory })
  await nexus.start()
  const api = clientWith(nexus.handler, { cookie: await login(nexus.handler) })
  const range = { first: '198.51.100.10', last: '198.51.100.20' }
  await api.system_ip_pool_create({ body: { name: 'internet', description: '' } })
  await api.system_ip_pool_range_add({ params: { pool: 'internet' }, body: range })
  const link = { silo: 'test-suite-silo', is_default: true }
  await api.system_ip_pool_silo_link({ params: { pool: 'internet' }, body: link })
  for (let i = 0; ; i++) {
    const name = `p${i}`
    const created = await api.project_create({ body: { name, description: '' } })
    if (!created.ok) throw new Error(created.message)
    if (i === 0) {
      const body = { name: 'web', description: '', hostname: 'web', ncpus: 1, memory: 2 ** 30 }
      const instance = await api.instance_create({ query: { project: name }, body })
      if (!instance.ok) throw new Error(instance.message)
    }
    acknowledged(name)
  }
}
