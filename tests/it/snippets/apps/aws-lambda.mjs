// A REST API's proxy integration, played by Node: event in, { statusCode, headers, body } out.
import http from 'node:http';
import { withCors } from './cors.mjs';

const handler = withCors(async (event) => {
  if (event.path === '/boom') throw new Error('boom');
  if (event.path !== '/data') return { statusCode: 404, body: 'not found' };
  return { statusCode: 200, headers: { 'x-request-id': 'r1' }, body: '{}' };
});
const server = http.createServer(async (req, res) => {
  const result = await handler({ httpMethod: req.method, path: req.url, headers: req.headers }, {});
  res.writeHead(result.statusCode, result.headers);
  res.end(result.body);
});
server.listen(process.env.PORT, '127.0.0.1');
