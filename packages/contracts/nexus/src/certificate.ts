/** TLS certificates that a silo's names are served with. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, listByNameOrId, NameOrId } from './identity.ts'

const ServiceUsingCertificate = z.enum(['external_api']).meta({ id: 'ServiceUsingCertificate' })

export const CertificateCreate = z
  .object({ ...identityCreate, cert: z.string(), key: z.string(), service: ServiceUsingCertificate })
  .meta({ id: 'CertificateCreate' })
export type CertificateCreate = z.output<typeof CertificateCreate>

/** The private key goes in and never comes out. */
export const Certificate = z
  .object({ ...identity, cert: z.string(), service: ServiceUsingCertificate })
  .meta({ id: 'Certificate' })
export type Certificate = z.output<typeof Certificate>

const certificate = z.object({ certificate: NameOrId })
const tags = ['silos']

export const certificateEndpoints = [
  endpoint({
    operationId: 'certificate_list',
    method: 'GET',
    path: '/v1/certificates',
    tags,
    summary: 'List the certificates of the silo',
    query: z.object(listByNameOrId),
    response: { status: 200, schema: pageOf(Certificate) },
    paginated: true,
  }),
  endpoint({
    operationId: 'certificate_create',
    method: 'POST',
    path: '/v1/certificates',
    tags,
    summary: 'Give the silo a certificate, in force with the next connection',
    body: CertificateCreate,
    response: { status: 201, schema: Certificate },
  }),
  endpoint({
    operationId: 'certificate_view',
    method: 'GET',
    path: '/v1/certificates/{certificate}',
    tags,
    summary: 'View a certificate of the silo',
    params: certificate,
    response: { status: 200, schema: Certificate },
  }),
  endpoint({
    operationId: 'certificate_delete',
    method: 'DELETE',
    path: '/v1/certificates/{certificate}',
    tags,
    summary: 'Delete a certificate of the silo',
    params: certificate,
    response: { status: 204 },
  }),
] as const
