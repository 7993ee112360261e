/**
 * Manifests for a cluster: for each part of a topology its document in a config map, a pod that runs it, and a headless service by whose
 * name the others find it. Pods that have namespaces or machines in them get what these need.
 */
import { serviceName, type Part } from './cut.ts'
import { toYaml } from './yaml.ts'

export interface KubernetesOptions {
  readonly image: string
  readonly namespace: string
}

export type Manifest = Readonly<Record<string, unknown>>

const DOCUMENT = 'lab.yaml'
const FOLDER = '/etc/lab'

export function kubernetesManifests(
  lab: string,
  parts: readonly Part[],
  options: KubernetesOptions,
): readonly Manifest[] {
  return parts.flatMap((part) => manifestsOf(lab, part, options))
}

function manifestsOf(
  lab: string,
  { name: part, document, ports }: Part,
  { image, namespace }: KubernetesOptions,
): readonly Manifest[] {
  const name = serviceName(lab, part)
  const labels = {
    'app.kubernetes.io/name': 'lodestone',
    'app.kubernetes.io/instance': lab,
    'app.kubernetes.io/component': part,
  }
  const metadata = { name, namespace, labels }
  const kinds = new Set(Object.values(document.nodes).map(({ kind }) => kind))
  const needsRoot =
    kinds.has('namespace') ||
    Object.values(document.nodes).some((node) => node.kind === 'external' && node.attach.type === 'interface')
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { [DOCUMENT]: toYaml(document) } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        restartPolicy: 'OnFailure',
        containers: [
          {
            name: 'lab',
            image,
            command: ['lode', 'run', `${FOLDER}/${DOCUMENT}`, 'serve', '--state', '/var/run/lab'],
            ports: ports.map(({ port, transport }) => ({
              name: `t${port}`,
              containerPort: port,
              protocol: transport.toUpperCase(),
            })),
            volumeMounts: [
              { name: 'document', mountPath: FOLDER, readOnly: true },
              { name: 'state', mountPath: '/var/run/lab' },
            ],
            ...(needsRoot
              ? { securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW', 'SYS_ADMIN'] }, runAsUser: 0 } }
              : {}),
          },
        ],
        volumes: [
          { name: 'document', configMap: { name } },
          { name: 'state', emptyDir: {} },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        clusterIP: 'None',
        selector: labels,
        ...(ports.length === 0
          ? {}
          : {
              ports: ports.map(({ port, transport }) => ({
                name: `t${port}`,
                port,
                targetPort: port,
                protocol: transport.toUpperCase(),
              })),
            }),
      },
    },
  ]
}
