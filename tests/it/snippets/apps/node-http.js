const http = require('node:http');
const applyCors = require('./cors');

const server = http.createServer((req, res) => {
  if (applyCors(req, res)) return;
  try {
    if (req.url === '/boom') throw new Error('boom');
    res.statusCode = req.url === '/data' ? 200 : 404;
    res.setHeader('x-request-id', 'r1');
    res.end('{}');
  } catch {
    res.statusCode = 500;
    res.end('internal');
  }
});
server.listen(process.env.PORT, '127.0.0.1');
