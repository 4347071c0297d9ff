// Netlify's contract around an edge function, played by Deno: request in, context.next() behind it.
import edge from './netlify/edge-functions/cors.js';

const site = (request: Request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/boom') return new Response('internal', { status: 500 });
  if (pathname !== '/data') return new Response('not found', { status: 404 });
  return Response.json({ ok: true }, { headers: { 'x-request-id': 'r1' } });
};
Deno.serve(
  { port: Number(Deno.env.get('PORT')), hostname: '127.0.0.1' },
  (request) => edge(request, { next: () => Promise.resolve(site(request)) }),
);
