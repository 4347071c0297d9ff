const express = require('express');

const app = express();
app.use(require('./cors'));
app.get('/data', (req, res) => res.set('x-request-id', 'r1').json({ ok: true }));
app.put('/data', (req, res) => res.json({ ok: true }));
app.get('/boom', () => {
  throw new Error('boom');
});
app.listen(process.env.PORT, '127.0.0.1');
