/** Connections to a server that speaks PostgreSQL's protocol. */
import pg from 'pg'

const MAX_CONNECTIONS = 8
/** The type number of `int8`, which the driver would give as text. */
const INT8 = 20

/** @param url `postgres://user@host/database`. Nothing is connected before the first query. */
export function postgresPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    // because no integer here is above 2^53
    types: { getTypeParser: (type, format) => (type === INT8 ? Number : pg.types.getTypeParser(type, format)) },
  })
  // A connection that breaks while idle is replaced by the next use; without a listener it would end the process.
  pool.on('error', () => {})
  return pool
}
