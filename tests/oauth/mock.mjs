// oauth2-mock-server on a free port of this machine; its first line of output is its issuer.
// The client_id of a request chooses how its token endpoint answers.
import { OAuth2Server } from 'oauth2-mock-server'

const odd = {
  'status-201': answer => { answer.statusCode = 201 },
  'text-expiry': answer => { answer.body.expires_in = '3600' },
  'no-token': answer => { delete answer.body.access_token; delete answer.body.id_token },
  'only-id-token': answer => { answer.body.id_token = answer.body.access_token; delete answer.body.access_token },
  'error-with-200': answer => { answer.body = { error: 'server_error', error_description: 'try later' } },
  'no-refresh-token': answer => { delete answer.body.refresh_token },
  'wrong-client': answer => { answer.statusCode = 401; answer.body = { error: 'invalid_client' } },
  'short-lived': answer => { answer.body.expires_in = 1 },
}

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(0, 'localhost')
server.service.on('beforeResponse', (answer, request) => {
  odd[request.body.client_id]?.(answer)
  if (request.body.refresh_token === 'revoked') {
    answer.statusCode = 400
    answer.body = { error: 'invalid_grant' }
  }
})
console.log(server.issuer.url)
