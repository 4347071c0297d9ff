import { withCors } from './cors.js';

export default {
  fetch: withCors((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/boom') throw new Error('boom');
    if (pathname !== '/data') return new Response('not found', { status: 404 });
    // A header of the application's own: the snippet is the one place.
    const headers = { 'x-request-id': 'r1', 'access-control-allow-origin': '*' };
    return Response.json({ ok: true }, { headers });
  }),
};
