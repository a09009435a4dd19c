// A certified OpenID provider on a free port of this machine; its first line of output is its issuer.
// Anybody may sign in with any password on its own pages.
import http from 'node:http'
import Provider from 'oidc-provider'

const server = http.createServer()
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://localhost:${server.address().port}`

const client = (id, method) => ({
  client_id: id,
  client_secret: `${id}-secret-marker`,
  application_type: 'native', // so that any port of this machine will do
  redirect_uris: ['http://localhost/oauth2callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: method,
})

const provider = new Provider(issuer, {
  clients: [client('post', 'client_secret_post'), client('basic', 'client_secret_basic')],
  cookies: { keys: ['for tests'] },
  pkce: { required: () => false },
  scopes: ['openid', 'offline_access'],
  ttl: { AccessToken: 3600, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 3600, IdToken: 3600 },
})
server.on('request', provider.callback())
console.log(issuer)
