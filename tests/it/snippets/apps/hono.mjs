import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { corsPolicy } from './cors.mjs';

const app = new Hono();
app.use('*', corsPolicy);
app.get('/data', (c) => {
  c.header('x-request-id', 'r1');
  return c.json({ ok: true });
});
app.put('/data', (c) => c.json({ ok: true }));
app.get('/boom', () => {
  throw new Error('boom');
});
serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' });
