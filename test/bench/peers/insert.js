// What people write first: one INSERT per message, one after the other.
'use strict';

const { COLUMNS, toRow, run } = require('./reader');

const statement = {
  name: 'insert',
  text: `INSERT INTO bench.rows (${COLUMNS}) VALUES
    (${COLUMNS.map((_, i) => `$${i + 1}`)}) ON CONFLICT DO NOTHING`,
};

run((client, done, fail) => {
  let last = Promise.resolve();
  return (text) => {
    last = last
      .then(() => client.query({ ...statement, values: toRow(text) }))
      .then(() => done(1), fail);
  };
});
