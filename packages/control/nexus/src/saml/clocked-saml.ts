/** The library for SAML, set up for one identity provider, with our clock in place of the machine's. */
import { SAML, ValidateInResponseTo } from '@node-saml/node-saml'
import type { ServiceProviderOptions } from './service-provider.ts'

/** What tells the library that a request has not expired: when it does is the store's to say. */
const NEVER = '9999-12-31T23:59:59.999Z'

export class ClockedSaml extends SAML {
  readonly #nowMs: () => number

  /** @param clockSkewMs how far the clocks of both sides may be apart. */
  constructor({ idp, clientId, acsUrl, privateKey, requests, nowMs }: ServiceProviderOptions, clockSkewMs: number) {
    super({
      idpCert: [...idp.signingCertificates],
      entryPoint: idp.ssoUrl,
      issuer: clientId,
      audience: clientId,
      callbackUrl: acsUrl,
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      // Either of the two will do, and nothing that neither covers is looked at.
      wantAssertionsSigned: false,
      wantAuthnResponseSigned: false,
      acceptedClockSkewMs: clockSkewMs,
      signatureAlgorithm: 'sha256',
      validateInResponseTo: ValidateInResponseTo.always,
      cacheProvider: {
        saveAsync: () => Promise.resolve(null), // the caller remembers it, with where to go afterwards
        getAsync: async (id) => ((await requests.isKnown(id)) ? NEVER : null),
        removeAsync: () => Promise.resolve(null), // the caller does, in the transaction that opens the session
      },
      ...(privateKey === undefined ? {} : { privateKey, decryptionPvk: privateKey }),
    })
    this.#nowMs = nowMs
  }

  protected override checkTimestampsValidityError(
    _machineMs: number,
    notBefore: string,
    notOnOrAfter: string,
    maxTimeLimitMs?: number,
  ): Error | null {
    return super.checkTimestampsValidityError(this.#nowMs(), notBefore, notOnOrAfter, maxTimeLimitMs)
  }

  protected override async generateAuthorizeRequestAsync(isPassive: boolean, isPost: boolean): Promise<string> {
    const request = await super.generateAuthorizeRequestAsync(isPassive, isPost)
    return request.replace(/ IssueInstant="[^"]*"/, ` IssueInstant="${new Date(this.#nowMs()).toISOString()}"`)
  }
}
