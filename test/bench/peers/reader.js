// What the external readers have in common: they take the Nano confirmations of
// one WebSocket, make of each the row that chainstream makes of it under
// watch('*'), and report what it took.  How rows are written is the difference.
'use strict';

const fs = require('fs');
const WebSocket = require('ws');
const { Client } = require('pg');

const COLUMNS = ['received_at', 'source', 'topic', 'status', 'hash', 'height',
  'occurred_at', 'payload', 'account', 'counterparty', 'direction', 'amount',
  'asset'];
const TYPES = ['timestamptz', 'text', 'text', 'text', 'text', 'bigint',
  'timestamptz', 'json', 'text', 'text', 'text', 'numeric', 'text'];

// One confirmation as an array of values in the order of COLUMNS.
function toRow(text) {
  const { topic, time, message } = JSON.parse(text);
  const block = message.block || {};
  const isSend = block.subtype === 'send' || block.type === 'send';
  return [new Date().toISOString(), 'bench', topic, 'finalized', message.hash,
    message.sideband ? message.sideband.height : null,
    new Date(Number(time)).toISOString(), text, message.account,
    isSend ? block.link_as_account || block.destination : null,
    isSend ? 'out' : 'self', message.amount, 'XNO'];
}

// User and system CPU seconds of a process of this machine.
function cpuOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// Read argv[2] = URL until argv[3] = count messages are written.
// makeWriter(client, done) returns write(text, socket), and calls done(rows)
// for every number of rows whose commit was acknowledged.
async function run(makeWriter) {
  const [url, wanted] = [process.argv[2], Number(process.argv[3])];
  const client = new Client();
  await client.connect();
  const { rows: [{ pid }] } = await client.query('SELECT pg_backend_pid() AS pid');
  let written = 0;
  let first = 0;
  const socket = new WebSocket(url, { perMessageDeflate: false });

  const finished = new Promise((resolve, reject) => {
    const write = makeWriter(client, (rows) => {
      written += rows;
      if (written >= wanted) {
        resolve();
      }
    }, reject);
    socket.on('open', () => socket.send(JSON.stringify({
      action: 'subscribe', topic: 'confirmation' })));
    socket.on('message', (data) => {
      first = first || performance.now();
      write(data.toString(), socket);
    });
    socket.on('error', reject);
    // What came before the end may still be on its way into the table.
    socket.on('close', (code, reason) => written < wanted && setTimeout(() =>
      reject(new Error(`closed (${code} ${reason}) after ${written} rows`)), 30000));
  });
  await finished;
  const seconds = (performance.now() - first) / 1000;
  const { user, system } = process.cpuUsage();
  const serverCpu = cpuOf(pid);
  process.stdout.write(JSON.stringify({
    rows: written, seconds, readerCpu: (user + system) / 1e6, serverCpu }) + '\n');
  socket.terminate();
  await client.end();
}

// A writer that gathers while the batch before it is being written, at most
// *limit* rows at a time; the socket waits when it gets far ahead.
function batches(limit, writeBatch) {
  return (client, done, fail) => {
    let waiting = [];
    let busy = false;
    let socket = null;
    const next = async () => {
      busy = true;
      while (waiting.length > 0) {
        const rows = waiting.splice(0, limit);
        if (socket.isPaused && waiting.length < limit) {
          socket.resume();
        }
        await writeBatch(client, rows);
        done(rows.length);
      }
      busy = false;
    };
    return (text, from) => {
      socket = from;
      waiting.push(toRow(text));
      if (waiting.length >= 4 * limit && !socket.isPaused) {
        socket.pause();
      }
      if (!busy) {
        next().catch(fail);
      }
    };
  };
}

module.exports = { COLUMNS, TYPES, toRow, run, batches, cpuOf };
