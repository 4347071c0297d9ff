export const dynamic = 'force-dynamic';

export function GET() {
  return Response.json({ ok: true }, { headers: { 'x-request-id': 'r1' } });
}

export function PUT() {
  return Response.json({ ok: true });
}
