// Vercel's contract around a middleware, played by Node: what next() returns says which headers the
// answer behind it gets.
import http from 'node:http';
import middleware from './middleware.js';

const site = (path) => {
  if (path === '/data') return new Response('{}', { headers: { 'x-request-id': 'r1' } });
  return new Response('no', { status: path === '/boom' ? 500 : 404 });
};
const server = http.createServer(async (req, res) => {
  const { method, headers } = req;
  let response = await middleware(new Request(`http://127.0.0.1${req.url}`, { method, headers }));
  if (response.headers.get('x-middleware-next') === '1') {
    const behind = site(req.url);
    response.headers.forEach((value, name) => behind.headers.append(name, value));
    behind.headers.delete('x-middleware-next');
    response = behind;
  }
  res.writeHead(response.status, Object.fromEntries(response.headers));
  res.end(await response.text());
});
server.listen(process.env.PORT, '127.0.0.1');
