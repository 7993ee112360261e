/** SAML 2.0 identity providers of silos, and logging in by them. */
import { endpoint, pageOf } from '@lodestone/api'
import { z } from 'zod'
import { identity, identityCreate, listByNameOrId, Name, NameOrId } from './identity.ts'

export const IdentityProvider = z
  .object({ ...identity, provider_type: z.enum(['saml']).meta({ id: 'IdentityProviderType' }) })
  .meta({ id: 'IdentityProvider' })
export type IdentityProvider = z.output<typeof IdentityProvider>

export const IdpMetadataSource = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('url'), url: z.string() }),
    z.object({ type: z.literal('base64_encoded_xml'), data: z.string() }),
  ])
  .meta({ id: 'IdpMetadataSource' })
export type IdpMetadataSource = z.output<typeof IdpMetadataSource>

export const DerEncodedKeyPair = z
  .object({
    private_key: z.string().describe('RSA private key that signs requests, PKCS#1 DER in base64'),
    public_cert: z.string().describe('Its certificate, DER in base64'),
  })
  .meta({ id: 'DerEncodedKeyPair' })
export type DerEncodedKeyPair = z.output<typeof DerEncodedKeyPair>

const samlFields = {
  acs_url: z.string().describe('Where the identity provider sends its answer'),
  idp_entity_id: z.string(),
  slo_url: z.string().describe('Where the identity provider would send requests to log out'),
  sp_client_id: z.string().describe('What the silo is called at the identity provider'),
  technical_contact_email: z.string(),
} as const

export const SamlIdentityProvider = z
  .object({
    ...identity,
    ...samlFields,
    group_attribute_name: z.string().nullable(),
    public_cert: z.string().nullable(),
  })
  .meta({ id: 'SamlIdentityProvider' })
export type SamlIdentityProvider = z.output<typeof SamlIdentityProvider>

export const SamlIdentityProviderCreate = z
  .object({
    ...identityCreate,
    ...samlFields,
    idp_metadata_source: IdpMetadataSource,
    group_attribute_name: z
      .string()
      .nullish()
      .describe('Attribute whose values are names of groups, or lists of them with commas between'),
    signing_keypair: DerEncodedKeyPair.nullish(),
  })
  .meta({ id: 'SamlIdentityProviderCreate' })
export type SamlIdentityProviderCreate = z.output<typeof SamlIdentityProviderCreate>

const tags = ['system/silos']

export const identityProviderEndpoints = [
  endpoint({
    operationId: 'silo_identity_provider_list',
    method: 'GET',
    path: '/v1/system/identity-providers',
    tags,
    summary: 'List the identity providers of a silo',
    query: z.object({ silo: NameOrId.optional(), ...listByNameOrId }),
    response: { status: 200, schema: pageOf(IdentityProvider) },
    paginated: true,
  }),
  endpoint({
    operationId: 'saml_identity_provider_create',
    method: 'POST',
    path: '/v1/system/identity-providers/saml',
    tags,
    summary: 'Create a SAML identity provider of a silo',
    query: z.object({ silo: NameOrId }),
    body: SamlIdentityProviderCreate,
    response: { status: 201, schema: SamlIdentityProvider },
  }),
  endpoint({
    operationId: 'saml_identity_provider_view',
    method: 'GET',
    path: '/v1/system/identity-providers/saml/{provider}',
    tags,
    summary: 'View a SAML identity provider',
    params: z.object({ provider: NameOrId }),
    query: z.object({ silo: NameOrId.optional() }),
    response: { status: 200, schema: SamlIdentityProvider },
  }),
  endpoint({
    operationId: 'login_saml',
    method: 'POST',
    path: '/login/{silo_name}/saml/{provider_name}',
    tags: ['login'],
    summary: 'Log in with the answer of a SAML identity provider',
    params: z.object({ silo_name: Name, provider_name: Name }),
    body: z.instanceof(Uint8Array),
    bodyEncoding: 'binary',
    response: { status: 303 },
  }),
] as const
