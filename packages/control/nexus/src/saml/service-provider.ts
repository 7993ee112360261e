/**
 * A silo as SAML service provider (SAML 2.0 Profiles §4.1, browser single sign-on): a request by redirect, its answer by POST. Signatures and
 * what they cover, audience and conditions are the library's to check; this file gives it the control plane's clock, randomness and memory,
 * and checks what it leaves: that the assertion answers one of our requests, is meant for us, and comes from whom it should.
 *
 * Assertions may be encrypted for the key that requests are signed with (SAML 2.0 Core §2.3.4).
 *
 * NOT IMPLEMENTED: logins that the identity provider begins, single logout.
 */
import type { Profile } from '@node-saml/node-saml'
import { z } from 'zod'
import type { ClockedSaml } from './clocked-saml.ts'
import type { IdpMetadata } from './metadata.ts'

export interface ServiceProviderOptions {
  readonly idp: IdpMetadata
  /** What we are called: issuer of requests, audience of assertions. */
  readonly clientId: string
  readonly acsUrl: string
  readonly groupAttribute: string | undefined
  /** PEM; requests are signed with it, and assertions may be encrypted for it. */
  readonly privateKey: string | undefined
  readonly nowMs: () => number
  /** Requests that wait for an answer. */
  readonly requests: {
    newId(): string
    isKnown(id: string): Promise<boolean>
  }
}

export interface Subject {
  /** The request that was answered. */
  readonly requestId: string
  readonly nameId: string
  readonly groups: readonly string[]
}

/** An answer that proves nothing. The message is for the log only: it would help a forger. */
export class AssertionRefused extends Error {}

/** How far the clocks of both sides may be apart. */
const CLOCK_SKEW_MS = 60_000
const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
const SHA1 = /http:\/\/www\.w3\.org\/2000\/09\/xmldsig#(rsa-|dsa-|ecdsa-)?sha1\b/
const MAX_NAME = 512

/** As the library parses an assertion whose signature it has verified. */
const Assertion = z.object({
  Assertion: z.object({
    Subject: z.tuple([
      z.object({
        SubjectConfirmation: z.array(
          z.object({
            $: z.object({ Method: z.string() }),
            SubjectConfirmationData: z.array(z.object({ $: z.record(z.string(), z.string()) })).optional(),
          }),
        ),
      }),
    ]),
  }),
})

export class ServiceProvider {
  readonly #options: ServiceProviderOptions
  /** Loaded with the first login: the library is big, and most racks have no silo that uses it. */
  readonly #saml: Promise<ClockedSaml>

  constructor(options: ServiceProviderOptions) {
    this.#options = options
    this.#saml = import('./clocked-saml.ts').then((library) => new library.ClockedSaml(options, CLOCK_SKEW_MS))
  }

  /** Where to send the browser. The request's id travels as RelayState too. */
  async requestUrl(): Promise<{ readonly id: string; readonly url: string }> {
    const id = this.#options.requests.newId()
    const saml = await this.#saml
    saml.options.generateUniqueId = () => id
    return { id, url: await saml.getAuthorizeUrlAsync(id, undefined, {}) }
  }

  /**
   * Who has logged in, by the answer to one of our requests. The caller ends that request: whoever does not succeed in that has been
   * given an answer for the second time. Rejects with `AssertionRefused`.
   */
  async validate(answer: { readonly SAMLResponse: string; readonly RelayState: string | undefined }): Promise<Subject> {
    let profile: Profile | null
    try {
      const { clearParts } = await import('./clear-parts.ts')
      const xml = Buffer.from(answer.SAMLResponse, 'base64').toString()
      for (const part of await clearParts(xml, this.#options.privateKey)) {
        if (SHA1.test(part)) throw new Error('it is signed with SHA-1')
      }
      ;({ profile } = await (await this.#saml).validatePostResponseAsync({ SAMLResponse: answer.SAMLResponse }))
    } catch (error) {
      throw new AssertionRefused(error instanceof Error ? error.message : String(error), { cause: error })
    }
    if (profile === null) throw new AssertionRefused('it has no assertion')
    if (profile.issuer !== this.#options.idp.entityId) throw new AssertionRefused(`it is from ${profile.issuer}`)
    const requestId = await this.#confirmedRequest(profile)
    if (answer.RelayState !== undefined && answer.RelayState !== requestId) {
      throw new AssertionRefused('RelayState is of another request')
    }
    const { nameID } = profile
    if (typeof nameID !== 'string' || nameID === '' || nameID.length > MAX_NAME) {
      throw new AssertionRefused('it names no subject')
    }
    return { requestId, nameId: nameID, groups: this.#groupsOf(profile) }
  }

  /** SAML 2.0 Profiles §4.1.4.3: a bearer confirmation for us, in time, in answer to a request of ours. */
  async #confirmedRequest(profile: Profile): Promise<string> {
    const parsed = Assertion.safeParse(profile.getAssertion?.())
    if (!parsed.success) throw new AssertionRefused('its subject has no confirmation')
    const { acsUrl, nowMs, requests } = this.#options
    for (const confirmation of parsed.data.Assertion.Subject[0].SubjectConfirmation) {
      const data = confirmation.SubjectConfirmationData?.[0]?.$
      if (confirmation.$.Method !== BEARER || data === undefined) continue
      const { Recipient, NotOnOrAfter, NotBefore, InResponseTo } = data
      if (Recipient !== acsUrl || NotOnOrAfter === undefined || NotBefore !== undefined) continue
      if (!(Date.parse(NotOnOrAfter) + CLOCK_SKEW_MS > nowMs())) continue
      if (InResponseTo !== undefined && (await requests.isKnown(InResponseTo))) return InResponseTo
    }
    throw new AssertionRefused('no confirmation of its subject is for us, in time, and answers a request')
  }

  #groupsOf({ attributes }: Profile): string[] {
    const { groupAttribute } = this.#options
    if (groupAttribute === undefined || typeof attributes !== 'object' || attributes === null) return []
    // because the library gives attributes as an object; values are text, or arrays of it where there are several
    const value = (attributes as Readonly<Record<string, unknown>>)[groupAttribute]
    const names = [value]
      .flat()
      .filter((each) => typeof each === 'string')
      .flatMap((each) => each.split(','))
      .map((name) => name.trim())
      .filter((name) => name !== '' && name.length <= MAX_NAME)
    return [...new Set(names)]
  }
}
