const Koa = require('koa');

const app = new Koa();
app.silent = true;
app.use(require('./cors'));
app.use((ctx) => {
  if (ctx.path === '/boom') throw new Error('boom');
  if (ctx.path !== '/data') return;
  ctx.set('x-request-id', 'r1');
  ctx.body = { ok: true };
});
app.listen(process.env.PORT, '127.0.0.1');
