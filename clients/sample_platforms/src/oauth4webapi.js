// A platform on oauth4webapi, as FAPI 2.0 wants it: pushed requests, private_key_jwt, tokens bound by DPoP, ES256.
// With XINJI_PLATFORM_SIGN_MESSAGES=1 it also signs its requests and takes signed answers (Message Signing).
//
//   node src/make_key.js platform.key.json           prints the public JWKS to register
//   XINJI_PLATFORM_CLIENT_ID=… XINJI_PLATFORM_KEY=platform.key.json node src/oauth4webapi.js --port 8004

import { readFile } from 'node:fs/promises'

import * as oauth from 'oauth4webapi'

import { onLoopback, serve, settings } from './server.js'

const ES256 = { name: 'ECDSA', namedCurve: 'P-256' }
const own = settings()
const http = { [oauth.allowInsecureRequests]: onLoopback(own.issuer) }
const signsMessages = process.env.XINJI_PLATFORM_SIGN_MESSAGES === '1'

const as = await oauth.processDiscoveryResponse(own.issuer, await oauth.discoveryRequest(own.issuer, http))
const client = {
  client_id: own.clientId,
  id_token_signed_response_alg: 'ES256',
  authorization_signed_response_alg: 'ES256',
}
const jwk = JSON.parse(await readFile(process.env.XINJI_PLATFORM_KEY, 'utf8'))
const key = { key: await crypto.subtle.importKey('jwk', jwk, ES256, false, ['sign']), kid: jwk.kid }
const clientAuth = oauth.PrivateKeyJwt(key)
// One key pair per process is enough for a sample; a browser application makes one per person.
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))

const platform = {
  async begin() {
    const kept = {
      verifier: oauth.generateRandomCodeVerifier(),
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
    }
    const wanted = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: own.redirectUri,
      response_type: 'code',
      scope: own.scope,
      code_challenge: await oauth.calculatePKCECodeChallenge(kept.verifier),
      code_challenge_method: 'S256',
      state: kept.state,
      nonce: kept.nonce,
      ...(signsMessages ? { response_mode: 'jwt' } : {}),
    })
    const pushed = signsMessages
      ? new URLSearchParams({ client_id: client.client_id, request: await oauth.issueRequestObject(as, client, wanted, key) })
      : wanted
    const answer = await withNonce(
      () => oauth.pushedAuthorizationRequest(as, client, clientAuth, pushed, { DPoP, ...http }),
      (response) => oauth.processPushedAuthorizationResponse(as, client, response),
    )
    const location = new URL(as.authorization_endpoint)
    location.searchParams.set('client_id', client.client_id)
    location.searchParams.set('request_uri', answer.request_uri)
    return { location, kept }
  },

  async finish(url, kept) {
    const params = signsMessages
      ? await oauth.validateJwtAuthResponse(as, client, url, kept.state, http)
      : oauth.validateAuthResponse(as, client, url, kept.state)
    return signedIn(
      await withNonce(
        () =>
          oauth.authorizationCodeGrantRequest(as, client, clientAuth, params, own.redirectUri, kept.verifier, {
            DPoP,
            ...http,
          }),
        (response) =>
          oauth.processAuthorizationCodeResponse(as, client, response, {
            expectedNonce: kept.nonce,
            requireIdToken: true,
          }),
      ),
    )
  },

  async refresh({ refreshToken, claims }) {
    const tokens = await withNonce(
      () => oauth.refreshTokenGrantRequest(as, client, clientAuth, refreshToken, { DPoP, ...http }),
      (response) => oauth.processRefreshTokenResponse(as, client, response),
    )
    // FAPI 2.0 section 5.3.2.1: the refresh token stays the same, and may be left out of the answer.
    return signedIn(tokens, { sub: claims.sub, refreshToken })
  },

  signOut(idToken) {
    const location = new URL(as.end_session_endpoint)
    location.searchParams.set('id_token_hint', idToken)
    location.searchParams.set('post_logout_redirect_uri', `${own.base}/`)
    return location
  },
}

async function signedIn(tokens, before = {}) {
  const signed = oauth.getValidatedIdTokenClaims(tokens) ?? before
  const told = await withNonce(
    () => oauth.userInfoRequest(as, client, tokens.access_token, { DPoP, ...http }),
    (response) => oauth.processUserInfoResponse(as, client, signed.sub, response),
  )
  return {
    claims: { ...told, acr: signed.acr, auth_time: signed.auth_time },
    tokenType: tokens.token_type,
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token ?? before.refreshToken,
  }
}

// The server may ask for a nonce in the proof (RFC 9449 section 8): the library has kept it, so ask again once.
async function withNonce(send, read) {
  try {
    return await read(await send())
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return read(await send())
  }
}

serve(platform, own)
