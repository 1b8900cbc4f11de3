import { ChatProvider } from "@chatserver/zustand/react";

import { useSession } from "./session.js";
import { Shell } from "./Shell.js";
import { SignIn } from "./SignIn.js";
import { Boundary } from "./ui/Boundary.js";
import { Notices } from "./ui/Notices.js";

export function App() {
  const store = useSession((state) => state.store);
  return (
    <>
      <Boundary>
        {store ? (
          <ChatProvider store={store}>
            <Shell />
          </ChatProvider>
        ) : (
          <SignIn />
        )}
      </Boundary>
      <Notices />
    </>
  );
}
