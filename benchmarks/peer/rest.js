// The REST door, on Express as in the guide.
import express from 'express';
import { authenticate } from './auth.js';
import { ChatError, errorBody, unauthorized } from './errors.js';
import { messageInput, pageInput } from './input.js';
import { history, post } from './messages.js';
import { deliver } from './sockets.js';

export function createRest(io) {
  const app = express();
  app.disable('x-powered-by');
  // Nothing here is fetched twice: no hash of every body.
  app.disable('etag');
  app.get('/health', (request, response) => response.json({ status: 'ok' }));

  const api = express.Router();
  api.use(async (request, response, next) => {
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (scheme !== 'Bearer' || !token) throw unauthorized('A bearer token is needed.');
    request.user = await authenticate(token);
    next();
  });
  api.post('/messages', express.json(), async (request, response) => {
    const sent = await post(request.user, messageInput(request.body ?? {}));
    deliver(io(), sent);
    response.status(201).json(sent.message);
  });
  api.get('/messages/:conversationId', async (request, response) => {
    const { conversationId } = request.params;
    response.json(await history(request.user, pageInput({ ...request.query, conversationId })));
  });
  app.use('/api', api);

  // Express tells an error handler by its four parameters.
  app.use((error, request, response, next) => {
    const status = error instanceof ChatError ? error.status : (error.status ?? 500);
    response.status(status).json({ error: errorBody(error) });
  });
  return app;
}
