// A platform on openid-client: the code flow with a client secret, PKCE, state and nonce; ID tokens in ES256.
//
//   XINJI_PLATFORM_CLIENT_ID=… XINJI_PLATFORM_CLIENT_SECRET=… node src/openid_client.js --port 8003

import * as client from 'openid-client'

import { onLoopback, serve, settings } from './server.js'

const own = settings()
const config = await client.discovery(
  own.issuer,
  own.clientId,
  { id_token_signed_response_alg: 'ES256' },
  client.ClientSecretBasic(process.env.XINJI_PLATFORM_CLIENT_SECRET),
  onLoopback(own.issuer) ? { execute: [client.allowInsecureRequests] } : {},
)

const platform = {
  async begin() {
    const kept = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    }
    const location = client.buildAuthorizationUrl(config, {
      redirect_uri: own.redirectUri,
      scope: own.scope,
      code_challenge: await client.calculatePKCECodeChallenge(kept.pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: kept.expectedState,
      nonce: kept.expectedNonce,
    })
    return { location, kept }
  },

  async finish(url, kept) {
    return signedIn(await client.authorizationCodeGrant(config, url, { ...kept, idTokenExpected: true }))
  },

  async refresh({ refreshToken }) {
    return signedIn(await client.refreshTokenGrant(config, refreshToken))
  },

  signOut(idToken) {
    return client.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: `${own.base}/` })
  },
}

async function signedIn(tokens) {
  const { sub, acr, auth_time } = tokens.claims()
  const told = await client.fetchUserInfo(config, tokens.access_token, sub)
  return {
    claims: { ...told, acr, auth_time },
    tokenType: tokens.token_type,
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token,
  }
}

serve(platform, own)
