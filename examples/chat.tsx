// A chat in React: npm install @chatserver/client @chatserver/zustand zustand react
import { createChat } from "@chatserver/client";
import { createChatStore } from "@chatserver/zustand";
import * as chat from "@chatserver/zustand/react";
import { useEffect } from "react";

// From your own back end: see backend.py.
const token = async () => (await (await fetch("/chat-token", { method: "POST" })).json()).token;
export const store = createChatStore(createChat({ url: "http://localhost:3001", token }));

export const App = () => <chat.ChatProvider store={store}><Newest /></chat.ChatProvider>;

function Newest() {
  const [id] = chat.useConversationIds();
  return id ? <Conversation id={id} /> : <p>Nobody to talk to yet</p>;
}

function Conversation({ id }: { id: string }) {
  const { select, send, setDraft } = chat.useChatActions();
  const [messageIds, content] = [chat.useMessageIds(id), chat.useDraft(id)];
  useEffect(() => void select(id), [id, select]);
  return (
    <form onSubmit={(event) => (event.preventDefault(), send(id, { content }))}>
      <ul>{messageIds.map((messageId) => <Message key={messageId} id={messageId} />)}</ul>
      <input aria-label="Message" value={content} onChange={(event) => setDraft(id, event.target.value)} />
    </form>
  );
}

function Message({ id }: { id: string }) {
  const message = chat.useMessage(id);
  return <li>{message?.sender_username}: {message?.content}</li>;
}
