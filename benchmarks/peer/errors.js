// What clients are told.
export class ChatError extends Error {
  expected = true;

  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalid = (message) => new ChatError('VALIDATION_ERROR', message, 400);
export const notFound = () => new ChatError('RESOURCE_NOT_FOUND', 'There is no such conversation.', 404);
export const unauthorized = (message) => new ChatError('AUTH_FAILED', message, 401);

export function errorBody(error) {
  if (error instanceof ChatError) return { code: error.code, message: error.message };
  console.error(error);
  return { code: 'INTERNAL_ERROR', message: 'Something went wrong.' };
}
