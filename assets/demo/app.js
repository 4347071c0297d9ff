// Makes the shop's calls one after the other and writes down what a page is told about each.
// Results, for whoever drives this browser: window.__results (one entry per finished call) and
// window.__done.
'use strict';
(() => {
  const CALLS = [/* calls */];
  const OPEN_MILLIS_MAX = 5000;
  const streams = [];

  async function withFetch(call) {
    const response = await fetch(call.url, {
      method: call.method,
      headers: Object.fromEntries(call.headers),
      credentials: call.credentials ? 'include' : 'same-origin',
      mode: call.how === 'no-cors' ? 'no-cors' : 'cors',
      body: call.body ?? undefined,
    });
    const text = await response.text();
    const seen = response.type === 'opaque' ? 'opaque' : 'ok';
    return { seen, status: response.status, detail: `status ${response.status}, ${text.length} characters` };
  }

  // Resolves with the first message; the stream stays open until the page makes its calls again.
  function withStream(call) {
    return new Promise((resolve, reject) => {
      const socket = call.how === 'websocket';
      const stream = socket ? new WebSocket(call.url) : new EventSource(call.url);
      streams.push(stream);
      const heard = () => resolve({ seen: 'ok', status: null, detail: 'open' });
      stream.addEventListener(socket ? 'message' : 'position', heard, { once: true });
      stream.addEventListener('error', () => reject(new Error('the stream broke')));
      if (socket) {
        stream.addEventListener('open', () => stream.send('Where is my teapot?'));
      }
      setTimeout(() => reject(new Error('nothing came')), OPEN_MILLIS_MAX);
    });
  }

  async function make(call) {
    const streaming = call.how === 'websocket' || call.how === 'eventsource';
    try {
      return await (streaming ? withStream(call) : withFetch(call));
    } catch (error) {
      return { seen: 'blocked', status: null, detail: String(error) };
    }
  }

  const table = document.getElementById('calls');
  const again = document.getElementById('again');
  const done = document.getElementById('done');
  const cells = new Map(CALLS.map((call) => {
    const row = table.insertRow();
    row.insertCell().textContent = call.title;
    row.insertCell().textContent = `${call.method} ${call.url}`;
    const cell = row.insertCell();
    return [call.id, cell];
  }));

  async function makeAll() {
    window.__done = false;
    window.__results = [];
    again.disabled = true;
    done.textContent = 'Calling…';
    for (const stream of streams.splice(0)) stream.close();
    for (const cell of cells.values()) {
      cell.textContent = 'waiting';
      cell.className = 'waiting';
    }
    for (const call of CALLS) {
      const result = await make(call);
      window.__results.push({ id: call.id, ...result });
      const cell = cells.get(call.id);
      cell.textContent = `${result.seen}: ${result.detail}`;
      cell.className = result.seen;
    }
    const blocked = window.__results.filter((r) => r.seen === 'blocked').length;
    done.textContent = `${blocked} of ${CALLS.length} calls were blocked.`;
    again.disabled = false;
    window.__done = true;
  }

  again.addEventListener('click', makeAll);
  makeAll();
})();
