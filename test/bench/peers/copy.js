// Tuned further: COPY into a temporary table, then one INSERT that throws
// duplicates away by a unique index, in one transaction per batch.
'use strict';

const { from } = require('pg-copy-streams');
const { COLUMNS, run, batches } = require('./reader');

const escapes = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function field(value) {
  return value === null ? '\\N' : String(value).replace(/[\\\n\r\t]/g, (c) => escapes[c]);
}

let prepared = false;

async function writeBatch(client, rows) {
  if (!prepared) {
    await client.query('CREATE TEMP TABLE staging ON COMMIT DELETE ROWS AS ' +
      `SELECT ${COLUMNS} FROM bench.rows WITH NO DATA`);
    prepared = true;
  }
  await client.query('BEGIN');
  await new Promise((resolve, reject) => {
    const stream = client.query(from(`COPY staging (${COLUMNS}) FROM STDIN`));
    stream.on('error', reject);
    stream.on('finish', resolve);
    stream.end(rows.map((row) => row.map(field).join('\t') + '\n').join(''));
  });
  await client.query(`INSERT INTO bench.rows (${COLUMNS}) ` +
    `SELECT ${COLUMNS} FROM staging ON CONFLICT DO NOTHING`);
  await client.query('COMMIT');
}

run(batches(5000, writeBatch));
