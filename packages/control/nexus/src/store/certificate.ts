/** TLS certificates of silos, as operators gave them. */
import type { Insertable, Selectable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { CertificateTable } from './schema.ts'
import type { Db } from './store.ts'

export type CertificateRow = Selectable<CertificateTable>

export function listCertificates(db: Db, siloId: string, scan: Scan): Promise<CertificateRow[]> {
  return scanned(db.selectFrom('certificate').selectAll().where('silo_id', '=', siloId), 'certificate', scan).execute()
}

export function certificatesOfSilo(db: Db, siloId: string): Promise<CertificateRow[]> {
  return db.selectFrom('certificate').selectAll().where('silo_id', '=', siloId).orderBy('id').execute()
}

export function certificateByRef(db: Db, siloId: string, ref: string): Promise<CertificateRow | undefined> {
  return db
    .selectFrom('certificate')
    .selectAll()
    .where('silo_id', '=', siloId)
    .where(refColumn(ref), '=', ref)
    .executeTakeFirst()
}

export async function insertCertificate(db: Db, row: Insertable<CertificateTable>): Promise<void> {
  await db.insertInto('certificate').values(row).execute()
}

export async function deleteCertificate(db: Db, id: string): Promise<void> {
  await db.deleteFrom('certificate').where('id', '=', id).execute()
}

/** Of all silos. */
export function allCertificates(db: Db): Promise<Pick<CertificateRow, 'id' | 'key'>[]> {
  return db.selectFrom('certificate').select(['id', 'key']).execute()
}

export async function updateCertificateKey(db: Db, id: string, key: string): Promise<void> {
  await db.updateTable('certificate').set({ key }).where('id', '=', id).execute()
}
