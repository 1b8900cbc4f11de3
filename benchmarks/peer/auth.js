// Whose token it is, and which conversations they are in.
import jwt from 'jsonwebtoken';
import { config } from './config.js';
import { pool, statement } from './database.js';
import { unauthorized } from './errors.js';

const USER = statement('user', 'SELECT id, username, display_name FROM users WHERE id = $1');
const USER_AND_ROOMS = statement(
  'user_and_rooms',
  `SELECT id, username, display_name,
     ARRAY(SELECT conversation_id::text FROM conversation_participants WHERE user_id = u.id) AS conversations
   FROM users u WHERE id = $1`,
);

function subjectOf(token) {
  try {
    return jwt.verify(token, config.jwtSecret, { algorithms: ['HS256'] }).sub;
  } catch {
    throw unauthorized('The token is not valid.');
  }
}

async function find(query, token) {
  const { rows } = await pool.query(query([subjectOf(token)]));
  if (rows.length === 0) throw unauthorized('The user does not exist.');
  return rows[0];
}

/** The user of a token. */
export const authenticate = (token) => find(USER, token);

/** The user of a token, with the ids of their conversations. */
export const authenticateForRooms = (token) => find(USER_AND_ROOMS, token);
