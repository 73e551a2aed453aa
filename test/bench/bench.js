// bench.js: measure chainstream beside its peers, in one run on one machine.
//
// Started by the script "bench", which prepares a private cluster with the
// extension, the simulator and the LISTEN client and names them in the
// environment.  Every round measures each contender once, on empty tables and
// after a checkpoint; the table printed shows medians of the rounds.
//
// What is counted:
//   rows/s        from the first message received to the last commit: known
//                 to a LISTEN client, or acknowledged to the reader itself
//   reader CPU    the process that reads the feed, from its start to its end
//   server CPU    the server process that writes the rows, where it is another
//   other CPU     all other processes of the cluster (WAL writer, checkpointer)
//   latency       from the moment the simulator makes a message, to send it at
//                 once, to the moment the notification that covers its row is in
//                 the hands of libpq
'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { Client } = require('pg');
const { cpuOf } = require('./peers/reader');

const DIR = process.env.CS_DIR;
const COUNT = Number(process.env.BENCH_COUNT || 200000);
const ROUNDS = Number(process.env.BENCH_ROUNDS || 3);
const LATENCY_SECONDS = Number(process.env.BENCH_LATENCY_SECONDS || 5);
const INSERT_COUNT = Math.max(1000, Math.round(COUNT / 10));
const RATES = [1000, 5000];

const children = new Set();
let database;

// ---------- processes ----------

function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.text = '';
  child.stdout.setEncoding('utf8').on('data', (data) => { child.text += data; });
  child.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      children.delete(child);
      resolve(code === null ? signal : code);
    });
  });
  children.add(child);
  return child;
}

async function until(what, condition, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${seconds} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// The simulator, waiting for its first subscriber.
async function simulator(count, rate, seed, extra = []) {
  const child = start(process.env.CS_SIMULATOR, ['--listen', 'nano=127.0.0.1:0',
    '--rate', String(rate), '--count', String(count), '--compact',
    '--seed', String(seed), ...extra]);
  await until('simulator', () => /^ready/m.test(child.text));
  child.url = /^listening nano (\S+)/m.exec(child.text)[1];
  return child;
}

async function stop(child) {
  child.kill('SIGTERM');
  await child.ended;
}

// ---------- the server ----------

async function sql(text, values) {
  return (await database.query(text, values)).rows;
}

async function one(text, values) {
  return Object.values((await sql(text, values))[0])[0];
}

// CPU seconds used so far by the server's processes that serve nobody.
async function otherCpu() {
  const rows = await sql(`SELECT pid FROM pg_stat_activity WHERE backend_type IN
    ('walwriter', 'checkpointer', 'background writer', 'autovacuum launcher',
     'logical replication launcher', 'chainstream launcher')`);
  return rows.reduce((sum, { pid }) => sum + cpuOf(pid), 0);
}

const STREAMS = ['blocks', 'transactions', 'events'].map((t) => `chainstream.${t}`);

async function empty() {
  await sql(`TRUNCATE ${STREAMS}, bench.rows`);
  await sql('CHECKPOINT');
}

// ---------- the contenders ----------

// chainstream: add a source for this simulator, and wait until a LISTEN client
// knows of all its rows.
async function chainstream(name, feed, count) {
  const listener = start(path.join(DIR, 'listen'), [String(count), '10']);
  await until('listener', () => /^listening/.test(listener.text));
  const other = await otherCpu();
  await sql('BEGIN');
  await sql(`SELECT chainstream.add_source($1, provider => 'nano', url => $2)`,
    [name, feed.url]);
  await sql(`SELECT chainstream.watch($1, '*')`, [name]);
  await sql('COMMIT');
  const worker = await until('worker', async () => (await sql(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'chainstream worker'
       AND application_name = $1`, [name]))[0]);
  await listener.ended;
  const result = { readerCpu: cpuOf(worker.pid), otherCpu: await otherCpu() - other };
  result.told = listener.text.trim().split('\n').slice(1).map((line) => {
    const [at, firstId, lastId, rows] = line.split(' ');
    return { at: BigInt(at), firstId: Number(firstId), lastId: Number(lastId), rows: Number(rows) };
  });
  result.rows = result.told.reduce((sum, { rows }) => sum + rows, 0);
  if (result.rows !== count) {
    throw new Error(`chainstream wrote ${result.rows} rows of ${count}: ` +
      JSON.stringify(await sql('SELECT * FROM chainstream.status')));
  }
  const first = await one(`SELECT extract(epoch FROM min(received_at))::text
    FROM chainstream.transactions`);
  result.seconds = Number(result.told[result.told.length - 1].at) / 1e9 - Number(first);
  await sql('SELECT chainstream.drop_source($1)', [name]);
  await until('worker gone', async () => (await sql(
    `SELECT 1 FROM pg_stat_activity WHERE application_name = $1`, [name])).length === 0);
  return result;
}

// COPY of the rows that chainstream has just written, into the same tables.
async function copy() {
  const file = path.join(DIR, 'rows.txt');
  const count = Number(await one('SELECT count(*) FROM chainstream.transactions'));
  await sql(`COPY (SELECT * FROM chainstream.transactions) TO '${file}'`);
  await empty();
  const pid = await one('SELECT pg_backend_pid()');
  const other = await otherCpu();
  const cpu = cpuOf(pid);
  const begin = performance.now();
  await sql(`COPY chainstream.transactions FROM '${file}'`);
  const seconds = (performance.now() - begin) / 1000;
  const result = { rows: count, seconds, serverCpu: cpuOf(pid) - cpu,
    otherCpu: await otherCpu() - other };
  fs.unlinkSync(file);
  return result;
}

// An external reader: peers/NAME.js.
async function peer(name, count, seed) {
  const feed = await simulator(count, 'max', seed);
  await empty();
  const other = await otherCpu();
  const child = start(process.execPath,
    [path.join(__dirname, 'peers', `${name}.js`), feed.url, String(count)]);
  const code = await child.ended;
  if (code !== 0) {
    throw new Error(`peers/${name}.js ended with ${code}`);
  }
  const result = { ...JSON.parse(child.text), otherCpu: await otherCpu() - other };
  await stop(feed);
  const stored = Number(await one('SELECT count(*) FROM bench.rows'));
  if (stored !== count) {
    throw new Error(`peers/${name}.js stored ${stored} rows of ${count}`);
  }
  return result;
}

// Latency at a rate: what each row's payload says of its sending, against when
// a client was told of its id.
async function latency(rate, seed) {
  const count = rate * LATENCY_SECONDS;
  const feed = await simulator(count, rate, seed, ['--timestamps']);
  await empty();
  const { told } = await chainstream(`latency_${rate}_${seed}`, feed, count);
  await stop(feed);
  // With --timestamps the "work" of a synthetic block is the time it was made.
  const sent = new Map((await sql(`SELECT id,
      ('x' || (payload #>> '{message,block,work}'))::bit(64)::bigint AS sent
    FROM chainstream.transactions`)).map((row) => [Number(row.id), BigInt(row.sent)]));
  const delays = [];
  for (const { at, firstId, lastId } of told) {
    for (let id = firstId; id <= lastId; id++) {
      if (sent.has(id)) {
        delays.push(Number(at - sent.get(id)) / 1e6);
      }
    }
  }
  delays.sort((a, b) => a - b);
  const quantile = (q) => delays[Math.min(delays.length - 1, Math.floor(q * delays.length))];
  return { rate, rows: delays.length, notifications: told.length,
    p50: quantile(0.5), p99: quantile(0.99), max: delays[delays.length - 1] };
}

// ---------- the run ----------

const CONTENDERS = [
  ['chainstream', 'chainstream worker'],
  ['copy', 'COPY FROM a server-side file, same rows, same tables'],
  ['peer_copy', 'Node: ws, COPY to staging, deduplicating INSERT'],
  ['peer_batch', 'Node: ws + pg, batches of 2,000 with unnest()'],
  ['peer_insert', 'Node: ws + pg, one INSERT per message'],
];

async function prepare() {
  database = new Client();
  await database.connect();
  await sql('CREATE EXTENSION chainstream');
  // The first source makes the stream tables.
  await sql(`SELECT chainstream.add_source('first', provider => 'nano', url => 'ws://127.0.0.1:9')`);
  await sql(`SELECT chainstream.drop_source('first')`);
  await sql('CREATE SCHEMA bench');
  // The peers get a plain table, unpartitioned, with the same columns, checks
  // and number of indexes, of which one must be unique to find duplicates.
  await sql(`CREATE TABLE bench.rows (LIKE chainstream.transactions
    INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)`);
  const [index] = await sql(`SELECT indexrelid::regclass::text AS name
    FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
    WHERE indrelid = 'bench.rows'::regclass AND attname = 'hash'`);
  if (index) {
    await sql(`DROP INDEX ${index.name.includes('.') ? index.name : `bench.${index.name}`}`);
  }
  await sql('CREATE UNIQUE INDEX ON bench.rows (hash)');
}

async function round(number, results) {
  const progress = (text) => process.stderr.write(
    `\rround ${number} of ${ROUNDS}: ${text.padEnd(60)}`);
  const note = (name, result) => (results[name] = results[name] || []).push(result);

  progress('chainstream');
  const feed = await simulator(COUNT, 'max', number);
  await empty();
  note('chainstream', await chainstream(`bench_${number}`, feed, COUNT));
  await stop(feed);
  progress('COPY of the same rows');
  note('copy', await copy());
  for (const name of ['copy', 'batch', 'insert']) {
    progress(`external reader: ${name}`);
    note(`peer_${name}`, await peer(name, name === 'insert' ? INSERT_COUNT : COUNT, number));
  }
  for (const rate of RATES) {
    progress(`latency at ${rate}/s`);
    note(`latency_${rate}`, await latency(rate, number));
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function summarize(results) {
  const summary = {};
  for (const [name] of CONTENDERS) {
    const rounds = results[name].map((r) => ({
      rowsPerSecond: r.rows / r.seconds,
      readerCpu: (r.readerCpu || 0) * 1e6 / r.rows,
      serverCpu: (r.serverCpu || 0) * 1e6 / r.rows,
      otherCpu: r.otherCpu * 1e6 / r.rows,
    }));
    const of = (key) => median(rounds.map((r) => r[key]));
    summary[name] = { rowsPerSecond: of('rowsPerSecond'), readerCpu: of('readerCpu'),
      serverCpu: of('serverCpu'), otherCpu: of('otherCpu'),
      allRowsPerSecond: rounds.map((r) => Math.round(r.rowsPerSecond)) };
  }
  for (const rate of RATES) {
    const rounds = results[`latency_${rate}`];
    const of = (key) => median(rounds.map((r) => r[key]));
    summary[`latency_${rate}`] = { p50: of('p50'), p99: of('p99'), max: of('max') };
  }
  return summary;
}

function print(summary, machine) {
  const line = (...cells) => console.log((cells[0].padEnd(54) +
    cells.slice(1).map((cell) => String(cell).padStart(9)).join('')).trimEnd());
  const rate = (value) => Math.round(value).toLocaleString('en-US');
  const base = summary.chainstream;
  const cpu = ({ readerCpu, serverCpu }) => readerCpu + serverCpu;

  console.log(`\n${machine.server}, ${machine.cores} cores (${machine.cpu}), Node ${process.version}`);
  console.log(Object.entries(machine.settings).map(([k, v]) => `${k} = ${v}`).join(', '));
  console.log(`${rate(COUNT)} synthetic Nano confirmations of ${machine.messageBytes} bytes ` +
    `(${rate(INSERT_COUNT)} for one INSERT per message); medians of ${ROUNDS} rounds\n`);
  line('', '', '       -- CPU s per million rows --', '   chainstream');
  line('', 'rows/s', 'reader', 'server', 'other', 'rows/s', 'CPU');
  for (const [name, title] of CONTENDERS) {
    const s = summary[name];
    line(title, rate(s.rowsPerSecond), name === 'copy' ? '-' : s.readerCpu.toFixed(1),
      name === 'chainstream' ? '-' : s.serverCpu.toFixed(1), s.otherCpu.toFixed(1),
      `${(base.rowsPerSecond / s.rowsPerSecond).toFixed(2)}x`,
      `${(cpu(base) / cpu(s)).toFixed(2)}x`);
  }
  console.log('\nLast two columns: rows/s, and CPU (reader + server), of chainstream divided by that line\'s.');
  console.log('chainstream partitions its tables and notifies at every commit; the readers do neither.\n');
  line('frame sent -> LISTEN client told', 'p50 ms', 'p99 ms', 'max ms');
  for (const each of RATES) {
    const s = summary[`latency_${each}`];
    line(`  at ${rate(each)} messages/s`, s.p50.toFixed(2), s.p99.toFixed(2), s.max.toFixed(1));
  }
  const reader = summary.peer_copy.rowsPerSecond > summary.peer_batch.rowsPerSecond
    ? summary.peer_copy : summary.peer_batch;
  console.log('\ntargets');
  const target = (text, value, good) => line(`  ${text}`, value, good ? 'met' : 'missed');
  const copyRatio = base.rowsPerSecond / summary.copy.rowsPerSecond;
  const readerRatio = base.rowsPerSecond / reader.rowsPerSecond;
  const cpuRatio = cpu(base) / cpu(reader);
  target('rows/s against COPY, at least 1.0x', `${copyRatio.toFixed(2)}x`, copyRatio >= 1);
  target('rows/s against the best reader, at least 1.5x', `${readerRatio.toFixed(2)}x`, readerRatio >= 1.5);
  target('CPU against the best reader, at most 0.7x', `${cpuRatio.toFixed(2)}x`, cpuRatio <= 0.7);
  const [slow, fast] = RATES.map((each) => summary[`latency_${each}`]);
  target('p50 at 1,000/s, at most 2 ms', slow.p50.toFixed(2), slow.p50 <= 2);
  target('p99 at 1,000/s, at most 10 ms', slow.p99.toFixed(2), slow.p99 <= 10);
  target('p99 at 5,000/s, at most 20 ms', fast.p99.toFixed(2), fast.p99 <= 20);
}

async function main() {
  await prepare();
  const results = {};
  for (let number = 1; number <= ROUNDS; number++) {
    await round(number, results);
  }
  process.stderr.write('\r' + ' '.repeat(80) + '\r');
  const machine = {
    server: (await one('SELECT version()')).split(' on ')[0],
    cores: os.cpus().length,
    cpu: os.cpus()[0].model.trim(),
    settings: Object.fromEntries((await sql(`SELECT name, current_setting(name) AS value
      FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes',
        'wal_level', 'shared_buffers', 'max_wal_size', 'chainstream.batch_size',
        'chainstream.batch_delay') ORDER BY name`)).map((r) => [r.name, r.value])),
  };
  machine.messageBytes = Math.round(Number(await one(
    'SELECT avg(octet_length(payload::text)) FROM chainstream.transactions')));
  const summary = summarize(results);
  print(summary, machine);
  fs.writeFileSync(path.join(DIR, 'bench.json'), JSON.stringify({
    machine, count: COUNT, rounds: ROUNDS, summary, results },
  (key, value) => (key === 'told' ? undefined : typeof value === 'bigint' ? Number(value) : value), 2) + '\n');
  await database.end();
}

function killAll() {
  for (const child of children) {
    child.kill('SIGKILL');
  }
}

process.on('SIGINT', () => { killAll(); process.exit(130); });
process.on('SIGTERM', () => { killAll(); process.exit(143); });
main().catch((error) => {
  process.stderr.write(`\nbench: ${error.stack}\n`);
  killAll();
  process.exit(1);
});
