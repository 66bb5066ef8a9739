// Shows the live view to a user who is signed in, and the form to others.

import { currentUser, signOut } from "./session.mjs";
import { LiveView } from "./live.mjs";
import { SignIn } from "./sign-in.mjs";

/** Wait before the gateway is asked again, milliseconds. */
const retryInterval = 2_000;

const live = new LiveView(async () => {
  try {
    return await currentUser() !== undefined;
  } catch {
    // An unreachable gateway says nothing of the session.
    return true;
  }
});
const signIn = new SignIn(() => void begin());
let isSigningOut = false;

live.onEnd = () => {
  if (isSigningOut) return;
  live.stop();
  signIn.show("Your session has ended. Sign in again.");
};

live.onSignOut = async () => {
  isSigningOut = true;
  live.stop();
  let reason;
  try {
    await signOut();
  } catch {
    reason = "The gateway could not be reached, so you may still be signed in.";
  }
  isSigningOut = false;
  signIn.show(reason);
};

async function begin() {
  try {
    const user = await currentUser();
    if (user === undefined) signIn.show();
    else live.start(user);
  } catch {
    setTimeout(begin, retryInterval);
  }
}

void begin();
