export type { Attachment } from "./attachments.js";
export { reduce } from "./reducers.js";
export {
  createSearch,
  isSearchable,
  type Found,
  type Search,
  type SearchFilter,
  type SearchState,
} from "./search.js";
export {
  createChatStore,
  type ChatActions,
  type ChatState,
  type ChatStore,
  type ChatStoreOptions,
} from "./store.js";
export {
  emptyDomain,
  rowKey,
  type Domain,
  type ShownMessage,
  type StoredConversation,
  type Typist,
  type Ui,
  type Window,
} from "./state.js";
