/** An instance that the internet may reach on port 80, made through the public API. */
import { type RackProcess, until } from './lode-process.fixture.ts'

export interface WebInstance {
  readonly project: string
  readonly name: string
  readonly address: string
  /** Source of a module. */
  readonly userData?: string
}

/** Makes the project too, and the firewall rule, where they are missing; returns when the instance runs. */
export async function createWebInstance(rack: RackProcess, instance: WebInstance): Promise<void> {
  const { project, name, address, userData } = instance
  const { items } = await rack.api<{ items: { name: string }[] }>('GET', '/v1/projects')
  if (!items.some((each) => each.name === project)) await createProject(rack, project)
  await rack.api('POST', `/v1/floating-ips?project=${project}`, {
    name,
    description: '',
    address_allocator: { type: 'explicit', ip: address },
  })
  await rack.api('POST', `/v1/instances?project=${project}`, {
    name,
    description: '',
    hostname: name,
    ncpus: 1,
    memory: 2 ** 30,
    network_interfaces: { type: 'default_ipv4' },
    external_ips: [{ type: 'floating', floating_ip: name }],
    ...(userData === undefined ? {} : { user_data: Buffer.from(userData).toString('base64') }),
  })
  await instanceState(rack, project, name, 'running')
}

export async function instanceState(rack: RackProcess, project: string, name: string, wanted: string): Promise<void> {
  await until(`${name} is ${wanted}`, async () => {
    const { run_state } = await rack.api<{ run_state: string }>('GET', `/v1/instances/${name}?project=${project}`)
    return run_state === wanted ? true : undefined
  })
}

async function createProject(rack: RackProcess, project: string): Promise<void> {
  await rack.api('POST', '/v1/projects', { name: project, description: '' })
  const path = `/v1/vpc-firewall-rules?project=${project}&vpc=default`
  const { rules } = await rack.api<{ rules: unknown[] }>('GET', path)
  const allowHttp = {
    name: 'allow-http',
    description: '',
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 100,
    targets: [{ type: 'vpc', value: 'default' }],
    filters: { protocols: [{ type: 'tcp' }], ports: ['80'] },
  }
  await rack.api('PUT', path, { rules: [...rules, allowHttp] })
}
