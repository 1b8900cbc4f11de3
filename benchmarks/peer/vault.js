// Messages at rest: AES-256-GCM, stored as base64 of nonce, tag and ciphertext.
import { createCipheriv, createDecipheriv, randomFillSync, scryptSync } from 'node:crypto';
import { config } from './config.js';

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

const key = scryptSync(config.encryptionKey, 'salt', 32);
// One system call for many nonces.
const pool = Buffer.allocUnsafe(NONCE * 512);
let used = pool.length;

function nonce() {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += NONCE;
  return pool.subarray(used - NONCE, used);
}

export function seal(text) {
  const iv = nonce();
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG });
  const body = cipher.update(text, 'utf8');
  cipher.final();
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

export function open(sealed) {
  const raw = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv(ALGORITHM, key, raw.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAuthTag(raw.subarray(NONCE, NONCE + TAG));
  const text = decipher.update(raw.subarray(NONCE + TAG), undefined, 'utf8');
  return text + decipher.final('utf8');
}
