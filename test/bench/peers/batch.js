// Tuned: a prepared INSERT ... SELECT FROM unnest(), one array per column,
// which throws duplicates away by a unique index.
'use strict';

const { COLUMNS, TYPES, run, batches } = require('./reader');

const statement = {
  name: 'batch',
  text: `INSERT INTO bench.rows (${COLUMNS}) SELECT * FROM unnest(
    ${TYPES.map((type, i) => `$${i + 1}::${type}[]`)}) ON CONFLICT DO NOTHING`,
};

run(batches(2000, (client, rows) => client.query({
  ...statement,
  values: COLUMNS.map((_, i) => rows.map((row) => row[i])),
})));
