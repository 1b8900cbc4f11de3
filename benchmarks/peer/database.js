// The pool, and named statements: each connection prepares a statement once.
import pg from 'pg';
import { config } from './config.js';

// Seqs and counts stay far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export const pool = new pg.Pool({
  connectionString: config.databaseUrl,
  max: config.poolSize,
  min: config.poolSize,
  idleTimeoutMillis: 30_000,
});
pool.on('error', (error) => console.error('an idle connection failed:', error.message));

/** Opens all connections of the pool, so that no request pays for one. */
export async function warmUp() {
  const clients = await Promise.all(Array.from({ length: config.poolSize }, () => pool.connect()));
  for (const client of clients) client.release();
}

/** A statement of this name and text; gives a function from values to what `query` takes. */
export const statement = (name, text) => (values) => ({ name, text, values });

/** Runs `work` in a transaction. */
export async function transaction(work) {
  const client = await pool.connect();
  let failed;
  try {
    await client.query(BEGIN());
    const result = await work(client);
    await client.query(COMMIT());
    return result;
  } catch (error) {
    failed = error;
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    // A client whose connection broke is not given back to the pool.
    client.release(failed !== undefined && failed.code === undefined && !failed.expected);
  }
}

const BEGIN = statement('begin', 'BEGIN');
const COMMIT = statement('commit', 'COMMIT');
