// What the environment says.
export const config = {
  port: Number(process.env.PORT ?? 3000),
  host: process.env.HOST ?? '127.0.0.1',
  databaseUrl: process.env.DATABASE_URL,
  poolSize: Number(process.env.DB_MAX_CONNECTIONS ?? 10),
  redisUrl: process.env.REDIS_URL,
  jwtSecret: Buffer.from(process.env.JWT_SECRET ?? '', 'base64'),
  encryptionKey: process.env.CHAT_ENCRYPTION_KEY ?? '',
  groupCommit: process.env.GROUP_COMMIT === '1',
  loopLagFile: process.env.LOOP_LAG_FILE,
};
