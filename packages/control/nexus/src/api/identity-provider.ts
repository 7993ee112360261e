/** SAML identity providers of silos, for their admins and those of the fleet. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { invalidRequest } from '@lodestone/api'
import type {
  DerEncodedKeyPair,
  IdentityProvider,
  IdpMetadataSource,
  SamlIdentityProvider,
  SamlIdentityProviderCreate,
} from '@lodestone/contract-nexus'
import { actorOf, type Caller, checkSiloAdmin } from '../auth/authorize.ts'
import { isWebUrl, MAX_METADATA_BYTES, parseIdpMetadata } from '../saml/metadata.ts'
import { placeOfProvider } from '../sealed-store.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  insertProvider,
  listProviders,
  providerById,
  providerByRef,
  type SamlIdentityProviderRow,
} from '../store/identity-provider.ts'
import { isId, pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { textAtMost } from '../text-at-most.ts'
import { identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'
import { selectManagedSilo } from './silo.ts'

type Ids = 'silo_identity_provider_list' | 'saml_identity_provider_create' | 'saml_identity_provider_view'

const TYPE = 'saml-identity-provider'

export function identityProviderHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async silo_identity_provider_list({ query, context }) {
      const caller = actorOf(context)
      const silo = await selectManagedSilo(store.db, caller, query.silo ?? caller.siloId)
      const scan = scanOf(query)
      return pageOfRows(await listProviders(store.db, silo.id, scan), scan, providerFromRow)
    },
    async saml_identity_provider_create({ query, body, context }) {
      const silo = await selectManagedSilo(store.db, actorOf(context), query.silo)
      if (silo.identity_mode === 'local_only') {
        throw invalidRequest(`users of silo "${silo.name}" are local: it can have no identity provider`)
      }
      for (const field of ['acs_url', 'slo_url'] as const) {
        if (!isWebUrl(body[field])) throw invalidRequest(`${field}: "${body[field]}" is no http or https URL`)
      }
      if (body.sp_client_id === '') throw invalidRequest('sp_client_id: it is empty')
      checkKeyPair(body.signing_keypair ?? undefined)
      const xml = await metadataOf(service, body.idp_metadata_source)
      const parsed = parseIdpMetadata(xml)
      if (!parsed.ok) throw invalidRequest(`idp_metadata_source: ${parsed.message}`)
      const row = providerRow(service, silo.id, body, xml)
      await orAlreadyExists(TYPE, body.name, () => insertProvider(store.db, row))
      return samlProviderFromRow(row)
    },
    async saml_identity_provider_view({ params, query, context }) {
      return samlProviderFromRow(await selectProvider(store.db, actorOf(context), params.provider, query.silo))
    },
  }
}

/** By an id, which stands alone, or by a name in a silo. */
async function selectProvider(
  db: Db,
  caller: Caller,
  ref: string,
  silo: string | undefined,
): Promise<SamlIdentityProviderRow> {
  if (!isId(ref)) {
    if (silo === undefined) throw invalidRequest('provider should either be an ID or silo should be specified')
    const { id } = await selectManagedSilo(db, caller, silo)
    const row = await providerByRef(db, id, ref)
    if (row === undefined) throw notFound(TYPE, ref)
    return row
  }
  if (silo !== undefined) throw invalidRequest('when providing provider as an ID silo should not be specified')
  const row = await providerById(db, ref)
  if (row === undefined || (row.silo_id !== caller.siloId && caller.fleetRole === undefined)) throw notFound(TYPE, ref)
  checkSiloAdmin(caller, row.silo_id)
  return row
}

function checkKeyPair(pair: DerEncodedKeyPair | undefined): void {
  if (pair === undefined) return
  let key: KeyObject
  try {
    key = createPrivateKey({ key: Buffer.from(pair.private_key, 'base64'), format: 'der', type: 'pkcs1' })
  } catch {
    throw invalidRequest('signing_keypair.private_key: it is not an RSA key in PKCS#1 DER, encoded in base64')
  }
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(Buffer.from(pair.public_cert, 'base64'))
  } catch {
    throw invalidRequest('signing_keypair.public_cert: it is not a certificate in DER, encoded in base64')
  }
  if (!certificate.checkPrivateKey(key)) throw invalidRequest('signing_keypair: the key is not that of the certificate')
}

async function metadataOf({ metadataFetch }: Service, source: IdpMetadataSource): Promise<string> {
  const wrong = (message: string) => invalidRequest(`idp_metadata_source: ${message}`)
  if (source.type === 'base64_encoded_xml') {
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(source.data)) throw wrong('data is not base64')
    return Buffer.from(source.data, 'base64').toString()
  }
  const { url } = source
  if (!isWebUrl(url)) throw wrong(`"${url}" is no http or https URL`)
  if (metadataFetch === undefined) throw wrong('this control plane cannot reach URLs; give the document itself')
  try {
    const response = await metadataFetch(new Request(url))
    if (response.status !== 200) throw new Error(`it answered ${response.status}`)
    const text = await textAtMost(response, MAX_METADATA_BYTES)
    if (text !== undefined) return text
    throw new Error(`the document is longer than ${MAX_METADATA_BYTES} bytes`)
  } catch (error) {
    throw wrong(`${url} could not be had: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function providerRow(
  service: Service,
  siloId: string,
  body: SamlIdentityProviderCreate,
  metadataXml: string,
): SamlIdentityProviderRow {
  const { idp_entity_id, sp_client_id, acs_url, slo_url, technical_contact_email } = body
  const id = service.random.uuid()
  const key = body.signing_keypair?.private_key
  return {
    ...newIdentity(id, body, nowOf(service)),
    silo_id: siloId,
    metadata_xml: metadataXml,
    idp_entity_id,
    sp_client_id,
    acs_url,
    slo_url,
    technical_contact_email,
    group_attribute_name: body.group_attribute_name ?? null,
    public_cert: body.signing_keypair?.public_cert ?? null,
    private_key: key === undefined ? null : service.secrets.seal(key, placeOfProvider(id)),
  }
}

function providerFromRow(row: SamlIdentityProviderRow): IdentityProvider {
  return { ...identityFromRow(row), provider_type: 'saml' }
}

function samlProviderFromRow(row: SamlIdentityProviderRow): SamlIdentityProvider {
  const { idp_entity_id, sp_client_id, acs_url, slo_url, technical_contact_email } = row
  const { group_attribute_name, public_cert } = row
  return {
    ...identityFromRow(row),
    idp_entity_id,
    sp_client_id,
    acs_url,
    slo_url,
    technical_contact_email,
    group_attribute_name,
    public_cert,
  }
}
