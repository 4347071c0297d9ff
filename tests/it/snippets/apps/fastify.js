const app = require('fastify')();

app.register(require('./cors'));
app.get('/data', async (request, reply) => {
  reply.header('x-request-id', 'r1');
  return { ok: true };
});
app.put('/data', async () => ({ ok: true }));
app.get('/boom', async () => {
  throw new Error('boom');
});
app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
