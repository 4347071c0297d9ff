import { withCors } from './supabase/functions/_shared/cors.ts';

Deno.serve(
  { port: Number(Deno.env.get('PORT')), hostname: '127.0.0.1' },
  withCors((req) => {
    const { pathname } = new URL(req.url);
    if (pathname === '/boom') throw new Error('boom');
    if (pathname !== '/data') return new Response('not found', { status: 404 });
    return Response.json({ ok: true }, { headers: { 'x-request-id': 'r1' } });
  }),
);
