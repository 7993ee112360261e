/** TLS certificates of a silo, for its admins and those of the fleet. */
import { ApiFailure } from '@lodestone/api'
import type { Certificate, CertificateCreate } from '@lodestone/contract-nexus'
import { actorOf, type Caller, checkSiloAdmin } from '../auth/authorize.ts'
import { placeOfCertificate } from '../sealed-store.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { siloHostname } from '../silo-name.ts'
import {
  certificateByRef,
  type CertificateRow,
  deleteCertificate,
  insertCertificate,
  listCertificates,
} from '../store/certificate.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { checkChain } from '../tls/certificate-chain.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'

type Ids = 'certificate_list' | 'certificate_create' | 'certificate_view' | 'certificate_delete'

export function certificateHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async certificate_list({ query, context }) {
      const scan = scanOf(query)
      const rows = await listCertificates(store.db, managedSilo(actorOf(context)).id, scan)
      return pageOfRows(rows, scan, certificateFromRow)
    },
    async certificate_create({ body, context }) {
      const silo = managedSilo(actorOf(context))
      const row = newCertificate(service, silo, body)
      await orAlreadyExists('certificate', body.name, () => insertCertificate(store.db, row))
      return certificateFromRow(row)
    },
    async certificate_view({ params, context }) {
      return certificateFromRow(await selectCertificate(store.db, actorOf(context), params.certificate))
    },
    async certificate_delete({ params, context }) {
      const { id } = await selectCertificate(store.db, actorOf(context), params.certificate)
      await deleteCertificate(store.db, id)
    },
  }
}

/** The row of a certificate that can serve the silo. Throws an `ApiFailure` that says what is wrong with it. */
export function newCertificate(
  service: Pick<Service, 'random' | 'clock' | 'inventory' | 'secrets'>,
  silo: { readonly id: string; readonly name: string },
  body: CertificateCreate,
): CertificateRow {
  const now = nowOf(service)
  const problem = checkChain(body, siloHostname(silo.name, service.inventory.dnsZone), now)
  if (problem !== undefined) {
    throw new ApiFailure({ kind: 'invalid-value', label: problem.field, message: problem.message })
  }
  const id = service.random.uuid()
  const key = service.secrets.seal(body.key, placeOfCertificate(id))
  return { ...newIdentity(id, body, now), silo_id: silo.id, service: body.service, cert: body.cert, key }
}

function managedSilo(caller: Caller): { readonly id: string; readonly name: string } {
  checkSiloAdmin(caller, caller.siloId)
  return { id: caller.siloId, name: caller.siloName }
}

async function selectCertificate(db: Db, caller: Caller, ref: string): Promise<CertificateRow> {
  const row = await certificateByRef(db, managedSilo(caller).id, ref)
  if (row === undefined) throw notFound('certificate', ref)
  return row
}

function certificateFromRow(row: CertificateRow): Certificate {
  return { ...identityFromRow(row), cert: row.cert, service: row.service }
}
