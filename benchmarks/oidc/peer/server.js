// The peer: npm oidc-provider as its readme starts it, with the in-memory adapter, in one process.
//
// The same clients, algorithms and lifetimes as our provider has in the benchmark. Signing in
// and consent go through its own development pages, before anything is measured.
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' };

const redirectUris = ['http://127.0.0.1:8001/callback'];
const shared = { client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' };
const provider = new Provider(issuer, {
  clients: [
    { ...shared, client_id: 'web', redirect_uris: redirectUris, grant_types: ['authorization_code'] },
    { ...shared, client_id: 'offline', redirect_uris: redirectUris, grant_types: ['authorization_code', 'refresh_token'] },
    { ...shared, client_id: 'machine', redirect_uris: [], response_types: [], grant_types: ['client_credentials'], scope: 'profile' },
  ],
  jwks: { keys: [key] },
  cookies: { keys: [secret] },
  claims: { openid: ['sub'], profile: ['name', 'age_band', 'loa'] },
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: '李雷', age_band: '18+', loa: 'L1' }),
  }),
  // Its default gives a refresh token to offline_access with prompt=consent only: here, to the client that asks for it.
  issueRefreshToken: (_ctx, client) => client.clientId === 'offline',
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, ClientCredentials: 3600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 2592000, Session: 43200, Grant: 43200, Interaction: 3600 },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
