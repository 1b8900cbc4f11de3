/** Of the SDK beyond socket.io-client, in bytes after gzip. */
export const BUDGET: number;
/** Bytes after gzip that the SDK adds. */
export function added(): Promise<number>;
