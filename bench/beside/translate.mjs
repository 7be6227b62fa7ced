// The peer in Node: fastify in front, undici behind. Its libraries are those of BENCH_NODE_MODULES.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.BENCH_NODE_MODULES}/`);
const fastify = require('fastify');
const { Pool } = require('undici');
const { BENCH_ACCOUNT: ACCOUNT, BENCH_TOKEN: TOKEN, BENCH_PROPERTY: PROPERTY, BENCH_BACK_LOGIN: BACK_LOGIN } = process.env;

const LOGIN = `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')}`;
const BASE = `/2012-04-24/Accounts/${ACCOUNT}/SMS/Messages`;
const SEARCH = `/v2/Properties/${PROPERTY}/Messages`;
const HEADERS = { 'content-type': 'application/json', authorization: BACK_LOGIN };
const STATUS = { Processing: 'sending', Submitted: 'sent', Delivered: 'delivered', Failed: 'failed', Received: 'received' };
const DIRECTION = { Transmit: 'outbound-api', Receive: 'incoming' };
const ERRORS = {
  30001: 'Queue overflow', 30002: 'Account suspended', 30003: 'Unreachable destination handset', 30004: 'Message blocked',
  30005: 'Unknown destination handset', 30006: 'Landline or unreachable carrier', 30007: 'Carrier violation', 30008: 'Unknown error',
  30009: 'Missing segment', 30010: 'Message price exceeds max price', 30090: 'No Response received for SMPP Request',
};
const TWO = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

// The parts of an instant that stay the same for a day, kept for the last day seen.
let kept = -1;
let weekday = '';
let ymd = '';
function clock(instant) {
  const day = Math.floor(instant / 86400);
  if (day !== kept) {
    const date = new Date(day * 86400000);
    kept = day;
    weekday = date.toUTCString().slice(0, 17).replace(', 0', ', ');
    ymd = date.toISOString().slice(0, 11);
  }
  const second = instant - day * 86400;
  return `${TWO[Math.floor(second / 3600)]}:${TWO[Math.floor(second / 60) % 60]}:${TWO[second % 60]}`;
}
function rfc2822(instant) {
  const time = clock(instant);
  return `${weekday}${time} +0000`;
}
function iso8601(instant) {
  const time = clock(instant);
  return `${ymd}${time}.000Z`;
}

const bare = (number) => (number.startsWith('+') ? number.slice(1) : number);
const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
const ascii = (value) => JSON.stringify(value).replace(/[\u0080-\uffff]/g, escaped);

function shown(row, what) {
  const { Created: created, Submitted: submitted, Received: received } = row;
  const sid = `SM${row.MessageSid}`;
  const out = {
    sid, date_created: rfc2822(created), date_updated: undefined, date_sent: undefined, account_sid: ACCOUNT,
    from: bare(row.From), to: bare(row.To), body: row.Text, status: 'sending', direction: 'outbound-api',
    error_code: undefined, error_message: undefined, num_segments: undefined, api_version: '2012-04-24', uri: `${BASE}/${sid}.json`,
  };
  if (what === 'send') {
    out.date_updated = out.date_created;
    return out;
  }
  out.date_updated = rfc2822(Math.max(created, submitted ?? 0, row.Delivered ?? 0, received ?? 0));
  const gone = submitted ?? received;
  if (gone !== undefined) out.date_sent = iso8601(gone);
  out.direction = DIRECTION[row.Direction];
  out.status = STATUS[row.Status];
  if (row.Status === 'Failed') {
    if (submitted !== undefined) out.status = 'undelivered';
    if (row.ErrorCode !== undefined) {
      out.error_code = Number(row.ErrorCode);
      out.error_message = ERRORS[row.ErrorCode];
    }
  }
  if (what === 'get') out.num_segments = row.NumSegments;
  return out;
}

function page(rows, number, size) {
  const at = (which) => `${BASE}.json?Page=${which}&PageSize=${size}`;
  return {
    page: number, page_size: size, start: `${number * size}`, end: `${number * size + rows.length - 1}`, uri: BASE, first_page_uri: at(0),
    previous_page_uri: number > 0 ? at(number - 1) : 'null', next_page_uri: rows.length === size ? at(number + 1) : 'null',
    messages: rows.map((row) => shown(row, 'list')),
  };
}

const pool = new Pool(`http://127.0.0.1:${process.env.BENCH_BACK}`, { connections: 512, pipelining: 1 });
async function asked(reply, method, path, body, member) {
  const answer = await pool.request({ method, path, headers: HEADERS, body });
  const value = await answer.body.json();
  if (answer.statusCode === 200 && value[member]) return value[member];
  reply.code(502);
  return undefined;
}
const FAILED = { message: 'The provider could not be asked.' };

const app = fastify({ logger: false, keepAliveTimeout: 300000 });
app.register(require('@fastify/formbody'));
app.setReplySerializer(ascii);
app.addHook('onRequest', (request, reply, done) => {
  reply.header('content-type', 'application/json');
  if (request.params.account === ACCOUNT && request.headers.authorization === LOGIN) return done();
  return reply.code(401).header('www-authenticate', 'Basic realm="Restcomm realm"').send({ message: 'Authentication is required.' });
});

const ROOT = '/2012-04-24/Accounts/:account/SMS/Messages';
app.post(`${ROOT}.json`, async (request, reply) => {
  const { From, To, Body } = request.body ?? {};
  if (!From || !To || !Body) return reply.code(400).send({ message: 'From, To and Body are required.' });
  const draft = { From: `+${bare(From)}`, To: `+${bare(To)}`, Text: Body, DeliveryReceipt: true };
  const row = await asked(reply, 'POST', SEARCH, JSON.stringify(draft), 'Message');
  return row ? shown(row, 'send') : FAILED;
});
app.get(`${ROOT}/:file`, async (request, reply) => {
  const found = /^SM(\w+)\.json$/.exec(request.params.file);
  if (!found) return reply.code(404).send({ message: 'There is nothing here.' });
  const row = await asked(reply, 'GET', `/v2/Messages/${found[1]}`, undefined, 'Message');
  return row ? shown(row, 'get') : FAILED;
});
app.get(`${ROOT}.json`, async (request, reply) => {
  const number = Number(request.query.Page ?? 0);
  const size = Number(request.query.PageSize ?? 50);
  const span = `?Date_From=0&Date_To=${Math.floor(Date.now() / 1000)}&Results_Count=${size}&Results_Skip=${number * size}`;
  const rows = await asked(reply, 'GET', SEARCH + span, undefined, 'Messages');
  return rows ? page(rows, number, size) : FAILED;
});

process.stdin.on('end', () => process.exit()).resume();
await app.listen({ port: Number(process.env.BENCH_PORT), host: '127.0.0.1', backlog: 4096 });
